"""Connections that send no request are closed, so that nobody can hold them all.

uvicorn closes a connection that is idle after an answer, but waits for a first request for ever.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS_TO_ASK = 30  # from the opening of a connection to the end of its first request's head


class TimedProtocol(H11Protocol):
    """HTTP/1.1 in which the head of the first request must arrive in time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self.clock = self.loop.call_later(SECONDS_TO_ASK, self.close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self.clock.cancel()
        super().connection_lost(exc)

    def close_if_silent(self) -> None:
        """Close a connection on which no request has begun."""
        if self.cycle is None:
            self.transport.close()

"""Connections that send no request are closed, so that nobody can hold them all.

uvicorn closes a connection that is idle after an answer, but waits for ever for a first request,
and for the end of a later one's head.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

# From the opening of a connection, or the first byte of a later request, to the end of its head.
SECONDS_TO_ASK = 30


class TimedProtocol(H11Protocol):
    """HTTP/1.1 in which the head of each request must arrive in time."""

    clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self.start_clock()

    def data_received(self, data: bytes) -> None:
        """Start the clock of a later request, whose first bytes these may be."""
        if self.clock is None and self.awaits_request:
            self.start_clock()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Stop the clock of the request that was answered."""
        self.stop_clock()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self.stop_clock()
        super().connection_lost(exc)

    @property
    def awaits_request(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def start_clock(self) -> None:
        """Close the connection later, unless a request has begun by then."""
        self.clock = self.loop.call_later(SECONDS_TO_ASK, self.close_if_silent)

    def stop_clock(self) -> None:
        """Forget the clock that runs, if one does."""
        if self.clock is not None:
            self.clock.cancel()
            self.clock = None

    def close_if_silent(self) -> None:
        """Close a connection on which no request has begun."""
        self.clock = None
        if self.awaits_request:
            self.transport.close()

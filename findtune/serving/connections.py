"""Closes connections that send no request, so that nobody can occupy all of them.

uvicorn closes a connection that is idle after an answer, but waits forever for the first request,
and for the rest of a later request's head.
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
        """Start the clock if these are the first bytes of a later request."""
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
        """Close the connection later, unless a request is being answered by then."""
        self.clock = self.loop.call_later(SECONDS_TO_ASK, self.close_if_silent)

    def stop_clock(self) -> None:
        """Cancel the running clock, if any."""
        if self.clock is not None:
            self.clock.cancel()
            self.clock = None

    def close_if_silent(self) -> None:
        """Close the connection unless a request is being answered."""
        self.clock = None
        if self.awaits_request:
            self.transport.close()

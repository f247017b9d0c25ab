"""Ends the wait of a request whose client has gone, so that nobody has to wait behind it."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from starlette.types import Receive

from findtune.serving.refusals import disconnected

T = TypeVar("T")

RECEIVE: ContextVar[Receive | None] = ContextVar("receive", default=None)


@contextmanager
def client_of(receive: Receive) -> Iterator[None]:
    """Watch this client wherever its request waits. receive: of a request whose body was read."""
    token = RECEIVE.set(receive)
    try:
        yield
    finally:
        RECEIVE.reset(token)


async def unless_gone(result: Awaitable[T]) -> T:
    """Return a result; if the client goes first, cancel it and raise RefusedError."""
    receive = RECEIVE.get()
    if receive is None:
        return await result
    work, departure = asyncio.ensure_future(result), asyncio.ensure_future(gone(receive))
    departure.add_done_callback(lambda _: work.cancel())
    try:
        return await work
    except asyncio.CancelledError:
        if departure.done():
            raise disconnected() from None
        raise
    finally:
        departure.cancel()
        if work.done() and not work.cancelled():
            work.exception()  # read it, or asyncio logs it, with the texts that it may quote


async def gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass

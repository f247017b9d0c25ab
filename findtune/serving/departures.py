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
    try:
        await asyncio.wait((work, departure), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise disconnected()
        return work.result()
    finally:
        work.cancel()
        departure.cancel()
        # asyncio would log an error that nobody reads, with the texts that it may quote.
        await asyncio.gather(work, departure, return_exceptions=True)


async def gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass

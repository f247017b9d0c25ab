"""The single thread in which models compute, so that the event loop stays free.

A model's caches are not thread-safe, and two computations at once would only share the cores. So
requests wait for their turn, and texts of several waiting requests are encoded together.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import Any, TypeVar

from findtune.serving.departures import unless_gone
from findtune.serving.limits import Limits
from findtune.serving.refusals import RefusedError

T = TypeVar("T")
Results = asyncio.Future[Sequence[Any]]  # of a waiting request, one for each text
Request = tuple[Sequence[Any], Results]  # its texts, and their results

MAX_BATCH = 256  # texts in one batch, from different requests
RETRY_AFTER = 1  # seconds


def refuse_when_full(waiting: int, limits: Limits) -> None:
    """Raise RefusedError 429 when no more requests may wait."""
    if waiting >= limits.max_waiting:
        message = f"{waiting} requests are waiting; try again later."
        raise RefusedError(429, "rate_limit_error", message, RETRY_AFTER)


@asynccontextmanager
async def answer_in_time(limits: Limits) -> AsyncIterator[None]:
    """Raise RefusedError 503 when the body of the `async with` takes too long."""
    try:
        async with asyncio.timeout(limits.answer_seconds):
            yield
    except TimeoutError:
        message = f"no answer within {limits.answer_seconds:g} s; send fewer texts, or try later."
        raise RefusedError(503, "timeout_error", message, RETRY_AFTER) from None


class Worker:
    """Runs one function at a time in a thread of its own."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.waiting = 0
        self.turn = asyncio.Lock()  # held while a function runs, even if nobody waits for it now
        self.executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="models")

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what a function returns.

        Raises RefusedError: 429 when too many requests wait, 503 when this one waited too long,
        400 when its client has gone.
        """
        with self.place():
            async with answer_in_time(self.limits):
                return await unless_gone(self.compute(function, *arguments))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Count a request as waiting; raise RefusedError 429 when too many wait."""
        refuse_when_full(self.waiting, self.limits)
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def compute(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what a function returns, in its turn.

        Cancelled before that, it leaves nothing behind; in the executor's own queue, arguments of
        requests that were given up would pile up.
        """
        await self.turn.acquire()
        try:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self.executor, function, *arguments)
        except RuntimeError:  # the server ends
            self.turn.release()
            raise
        running.add_done_callback(lambda _: self.turn.release())
        return await asyncio.shield(running)

    def close(self) -> None:
        """Wait for the running computation, and start no other."""
        self.executor.shutdown(wait=True, cancel_futures=True)


class Batcher:
    """Computes the texts of concurrent requests in batches.

    There is no batching delay: the first request starts at once, and those that arrive while it is
    computed form the next batch. compute: returns one result for each text.
    """

    def __init__(self, worker: Worker, compute: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        self.worker, self.compute = worker, compute
        self.requests: dict[Results, Sequence[Any]] = {}  # those that wait, the first one first
        self.task: asyncio.Task[None] | None = None

    async def run(self, texts: Sequence[Any]) -> Sequence[Any]:
        """Return the results of one request's texts; raises RefusedError as Worker does."""
        with self.worker.place():
            future: Results = asyncio.get_running_loop().create_future()
            self.requests[future] = texts
            if self.task is None or self.task.done():
                self.task = asyncio.create_task(self.empty())
            try:
                async with answer_in_time(self.worker.limits):
                    return await unless_gone(future)
            finally:
                self.requests.pop(future, None)

    async def empty(self) -> None:
        """Compute batch after batch until no request waits."""
        while batch := self.next_batch():
            try:
                async with answer_in_time(self.worker.limits):
                    results = await self.worker.compute(self.compute_batch, batch)
            except Exception as error:  # each request gets the error and answers for itself
                for _, future in batch:
                    set_unless_gone(future, error)
            else:
                for future, result in results:
                    set_unless_gone(future, result)

    def compute_batch(self, batch: Sequence[Request]) -> list[tuple[Results, Sequence[Any]]]:
        """Return the results of the requests that still wait when it is their turn.

        Otherwise an overloaded server would compute for requests that already got a 503.
        """
        waiting = [(texts, future) for texts, future in batch if not future.done()]
        if not waiting:
            return []
        rows = iter(self.compute([text for texts, _ in waiting for text in texts]))
        return [(future, [*islice(rows, len(texts))]) for texts, future in waiting]

    def next_batch(self) -> list[Request]:
        """Return the first waiting request, and those after it that fit into the batch."""
        batch: list[Request] = []
        size = 0
        for future, texts in self.requests.items():
            if batch and size + len(texts) > MAX_BATCH:
                break
            batch.append((texts, future))
            size += len(texts)
        for _, future in batch:
            del self.requests[future]
        return batch


def set_unless_gone(future: "asyncio.Future[Any]", result: Any) -> None:
    """Give a request its result or its error, unless it is already done or cancelled."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)

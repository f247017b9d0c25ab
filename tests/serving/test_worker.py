"""Models compute one thing at a time, and texts of many requests together."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from findtune.serving.limits import Limits
from findtune.serving.refusals import RefusedError
from findtune.serving.worker import Batcher, Worker


def test_requests_that_wait_are_computed_together_and_get_their_own_results() -> None:
    batches: list[list[str]] = []

    def double(texts: Sequence[str]) -> list[str]:
        batches.append(list(texts))
        time.sleep(0.02)
        return [text * 2 for text in texts]

    async def ask_five() -> list[Sequence[str]]:
        batcher = Batcher(Worker(Limits()), double)
        first = asyncio.create_task(batcher.run(["a"]))
        await asyncio.sleep(0.01)
        return await asyncio.gather(first, *(batcher.run([text, "x"]) for text in "bcde"))

    results = asyncio.run(ask_five())
    assert results == [["aa"], ["bb", "xx"], ["cc", "xx"], ["dd", "xx"], ["ee", "xx"]]
    assert [len(batch) for batch in batches] == [1, 8]


def test_an_error_reaches_every_request_of_a_batch_and_the_next_one_works() -> None:
    def fail_at_b(texts: Sequence[str]) -> list[str]:
        if "b" in texts:
            raise ValueError("b")
        return list(texts)

    async def ask() -> list[object]:
        batcher = Batcher(Worker(Limits()), fail_at_b)
        failed = await asyncio.gather(
            batcher.run(["b"]), batcher.run(["c"]), return_exceptions=True
        )
        return [*failed, await batcher.run(["d"])]

    *failed, last = asyncio.run(ask())
    assert isinstance(failed[0], ValueError)
    assert last == ["d"]


def test_an_answer_that_takes_too_long_is_503() -> None:
    async def ask() -> None:
        worker = Worker(Limits(answer_seconds=0.01))
        try:
            await worker.run(time.sleep, 0.1)
        finally:
            worker.close()

    with pytest.raises(RefusedError) as error:
        asyncio.run(ask())
    assert error.value.status == 503


def test_texts_that_wait_are_limited_too() -> None:
    async def ask_four() -> list[object]:
        worker = Worker(Limits(max_waiting=3))
        batcher = Batcher(worker, lambda texts: time.sleep(0.02) or list(texts))
        first = asyncio.create_task(batcher.run(["a"]))
        await asyncio.sleep(0.01)
        return await asyncio.gather(
            first, *(batcher.run([text]) for text in "bcd"), return_exceptions=True
        )

    *answered, refused = asyncio.run(ask_four())
    assert answered == [["a"], ["b"], ["c"]]
    assert isinstance(refused, RefusedError)
    assert refused.status == 429


class SlowModel:
    """Returns texts as they are, once it is let go on."""

    def __init__(self) -> None:
        self.started, self.free = threading.Event(), threading.Event()
        self.batches: list[list[str]] = []

    def compute(self, texts: Sequence[str]) -> list[str]:
        self.batches.append(list(texts))
        self.started.set()
        self.free.wait(10)
        return list(texts)


async def three_requests(model: SlowModel, worker: Worker) -> list["asyncio.Task[Sequence[str]]"]:
    """Start three requests, the first of which is computed, and return their tasks."""
    batcher = Batcher(worker, model.compute)
    tasks = [asyncio.create_task(batcher.run([text])) for text in "a"]
    await asyncio.to_thread(model.started.wait, 10)
    tasks += [asyncio.create_task(batcher.run([text])) for text in "bc"]
    await asyncio.sleep(0)  # they begin
    return tasks


def test_texts_whose_request_is_over_are_not_computed() -> None:
    # Else a server that has fallen behind would only work for those who have given up.
    model = SlowModel()

    async def give_up() -> list[Sequence[str]]:
        first, second, third = await three_requests(model, Worker(Limits()))
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        model.free.set()
        return await asyncio.gather(first, third)

    assert asyncio.run(give_up()) == [["a"], ["c"]]
    assert model.batches == [["a"], ["c"]]


def test_texts_whose_request_is_over_when_their_turn_comes_are_not_computed() -> None:
    model, worker, busy = SlowModel(), Worker(Limits()), threading.Event()
    batcher = Batcher(worker, model.compute)

    async def give_up_behind_a_search() -> None:
        search = asyncio.create_task(worker.run(busy.wait, 10))
        request = asyncio.create_task(batcher.run(["a"]))
        await asyncio.sleep(0.05)  # its batch waits behind the search
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        busy.set()
        await search
        assert batcher.task
        await batcher.task

    asyncio.run(give_up_behind_a_search())
    assert model.batches == []


def test_requests_for_embeddings_count_as_waiting_beside_all_others() -> None:
    model, worker = SlowModel(), Worker(Limits(max_waiting=3))

    async def crowd() -> object:
        tasks = await three_requests(model, worker)
        waiting = worker.waiting
        [refused] = await asyncio.gather(worker.run(print), return_exceptions=True)
        model.free.set()
        await asyncio.gather(*tasks)
        assert isinstance(refused, RefusedError)
        return waiting, refused.status, worker.waiting

    assert asyncio.run(crowd()) == (3, 429, 0)

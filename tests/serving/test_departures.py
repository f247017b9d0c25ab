"""A request whose client has gone gives up its place in the queue."""

import asyncio
import gc
import json
import socket
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from findtune.serving.app import create_app
from findtune.serving.connections import TimedProtocol
from findtune.serving.limits import Limits
from findtune.serving.served import ServedModels
from findtune.serving.worker import Batcher, Worker

REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "/v1/embeddings": {"input": ["gone"]},
    "/rerank": {"query": "gone", "documents": ["a"]},
    "/v1/rewrite": {"query": "gone"},
    "/v1/search": {"query": "gone"},
}


class Client:
    """Sends one request to an application, and goes when told to."""

    def __init__(self, path: str, body: Mapping[str, Any]) -> None:
        self.path, self.body = path, json.dumps(body).encode()
        self.gone, self.sent = asyncio.Event(), False
        self.status = 0

    async def receive(self) -> dict[str, Any]:
        if not self.sent:
            self.sent = True
            return {"type": "http.request", "body": self.body}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.status = message.get("status", self.status)

    async def ask(self, app: FastAPI) -> int:
        """Return the status of the answer."""
        scope = {
            **{"type": "http", "method": "POST", "path": self.path, "query_string": b""},
            "headers": [(b"content-type", b"application/json")],
        }
        await app(scope, self.receive, self.send)
        return self.status


class Busy:
    """Keeps the models busy until it is let go."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.free = worker, threading.Event()

    @asynccontextmanager
    async def while_running(self) -> AsyncIterator[None]:
        """Compute for the whole body."""
        started = threading.Event()
        wait = asyncio.create_task(self.worker.compute(lambda: started.set() or self.free.wait(20)))
        await asyncio.to_thread(started.wait, 10)
        try:
            yield
        finally:
            self.free.set()
            await wait


def count_computed(served: ServedModels) -> list[str]:
    """Return what the models compute from now on."""
    computed: list[str] = []
    for room, method in (
        *(("embedder", "embed"), ("reranker", "rerank")),
        *(("rewriter", "rewrite"), ("search", "search")),
    ):
        part = served.by_room()[room]["stack/small"]
        compute = getattr(part, method)

        def counted(*arguments: Any, compute: Any = compute, **options: Any) -> Any:
            computed.append(f"{arguments[0]}")
            return compute(*arguments, **options)

        setattr(part, method, counted)
    return computed


@pytest.mark.parametrize("path", REQUESTS)
def test_a_waiting_request_whose_client_goes_leaves_the_queue_and_is_not_computed(
    served: ServedModels, path: str
) -> None:
    computed, app = count_computed(served), create_app(served)
    worker: Worker = app.state.service.worker

    async def leave() -> int:
        async with Busy(worker).while_running():
            client = Client(path, REQUESTS[path])
            asked = asyncio.create_task(client.ask(app))
            await until(lambda: worker.waiting == 1)
            client.gone.set()
            await asyncio.wait_for(asked, 5)
            assert worker.waiting == 0
        return await Client("/v1/rewrite", {"query": "next"}).ask(app)

    assert asyncio.run(leave()) == 200
    assert computed == ["next"]


@pytest.mark.parametrize("path", REQUESTS)
def test_a_client_that_waits_is_answered_though_others_go(served: ServedModels, path: str) -> None:
    app = create_app(served)
    worker: Worker = app.state.service.worker

    async def stay() -> int:
        async with Busy(worker).while_running():
            clients = [Client(path, REQUESTS[path]) for _ in range(5)]
            asked = [asyncio.create_task(client.ask(app)) for client in clients]
            await until(lambda: worker.waiting == 5)
            for client in clients[:2] + clients[3:]:
                client.gone.set()
            await until(lambda: worker.waiting == 1)
        return await asked[2]

    assert asyncio.run(stay()) == 200


async def until(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("that never happened")


class Texts(list[str]):
    """Texts that show whether something still refers to them."""


def test_requests_that_were_given_up_leave_nothing_behind_in_the_queue() -> None:
    # Else clients that come and go would fill the memory while one computation runs.
    worker = Worker(Limits())

    def compute(texts: Sequence[str]) -> Sequence[str]:
        return texts

    async def come_and_go() -> int:
        batcher, references = Batcher(worker, compute), []
        async with Busy(worker).while_running():
            for run in (batcher.run, lambda texts: worker.run(compute, texts)):
                first = asyncio.create_task(batcher.run(["first"]))  # its batch waits for its turn
                await asyncio.sleep(0.01)
                for _ in range(5):
                    texts = Texts(["a"])
                    references.append(weakref.ref(texts))
                    task = asyncio.create_task(run(texts))
                    del texts
                    await asyncio.sleep(0)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    del task
                first.cancel()
            await asyncio.sleep(0.01)
            gc.collect()
            return sum(reference() is not None for reference in references)

    assert asyncio.run(come_and_go()) == 0


def test_the_models_compute_one_thing_at_a_time_after_a_request_was_given_up() -> None:
    running: list[int] = []
    worker, now = Worker(Limits()), [0]
    started, free = threading.Event(), threading.Event()

    def compute() -> None:
        now[0] += 1
        running.append(now[0])
        started.set()
        free.wait(10)
        time.sleep(0.01)  # for another one to begin, if it may
        now[0] -= 1

    async def give_up_each_second() -> None:
        tasks = [asyncio.create_task(worker.run(compute)) for _ in range(6)]
        await asyncio.to_thread(started.wait, 10)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.sleep(0)
        free.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(give_up_each_second())
    assert running == [1, 1, 1, 1]  # the first was running when it was given up


@pytest.fixture
def port(served: ServedModels) -> Iterator[tuple[int, Worker]]:
    """Serve on a free port; return it, and the worker."""
    app = create_app(served)
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=TimedProtocol, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert begins(server, thread), "the server did not start"
        yield server.servers[0].sockets[0].getsockname()[1], app.state.service.worker
    finally:
        server.should_exit = True
        thread.join(30)


def begins(server: uvicorn.Server, thread: threading.Thread) -> bool:
    """Wait until a server has started; return whether it has."""
    for _ in range(3000):
        if server.started or not thread.is_alive():
            break
        time.sleep(0.01)
    return server.started


def test_connections_that_close_leave_the_queue_of_a_real_server(
    port: tuple[int, Worker],
) -> None:
    number, worker = port
    free = threading.Event()
    worker.executor.submit(free.wait, 20)
    clients = []
    for path, body in REQUESTS.items():
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        clients.append(socket.create_connection(("127.0.0.1", number), 5))
        clients[-1].sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    try:
        wait_for(worker, 4)
        for client in clients[1:]:
            client.close()
        wait_for(worker, 1)
        free.set()
        assert clients[0].recv(15) == b"HTTP/1.1 200 OK"
    finally:
        free.set()
        clients[0].close()


def wait_for(worker: Worker, waiting: int) -> None:
    for _ in range(500):
        if worker.waiting == waiting:
            return
        time.sleep(0.01)
    assert worker.waiting == waiting

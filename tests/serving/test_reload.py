"""Other models take over without losing a request, and a failure leaves the old ones."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from findtune.core.errors import InputError
from findtune.serving.app import create_app, lifespan, reload_soon
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels

Make = Callable[..., TestClient]


class NumberEmbedder:
    """Embeds every text as its own number."""

    dimensions, max_tokens = 1, 8

    def __init__(self, number: int) -> None:
        self.number, self.content_hash = number, f"e{number}"

    def embed(self, texts: list[str]) -> list[tuple[Any, int]]:
        return [(np.array([self.number], np.float32), 1) for _ in texts]


def models(number: int) -> Any:
    return ServedModels({f"embedder/{number}": NumberEmbedder(number)})  # type: ignore[dict-item]


def test_requests_go_on_while_models_change_and_none_is_lost(make_client: Make) -> None:
    versions = iter(range(1, 100))
    client = make_client(models(0), load=lambda: models(next(versions)))
    stop = threading.Event()

    def ask_on() -> list[tuple[int, Any, Any]]:
        answers = []
        while not stop.is_set():
            answer = client.post("/v1/embeddings", json={"input": ["a", "b"]})
            body = answer.json()
            answers.append((answer.status_code, body["model"], body["data"][0]["embedding"]))
        return answers

    with ThreadPoolExecutor(4) as executor:
        askers = [executor.submit(ask_on) for _ in range(4)]
        for number in range(1, 6):
            body = client.post("/admin/reload").json()
            assert body["model_sha"] == f"e{number}"
        stop.set()
    answers = [answer for asker in askers for answer in asker.result()]
    assert len(answers) > 8
    for status, model, vector in answers:
        assert (status, model) == (200, f"embedder/{vector[0]:.0f}")
    assert 'content_hash="e5"' in client.get("/metrics").text
    assert 'content_hash="e4"' not in client.get("/metrics").text


def test_models_that_cannot_be_loaded_leave_the_old_ones(make_client: Make) -> None:
    def fail() -> Any:
        raise InputError("models/stack/small has changed.")

    client = make_client(models(0), load=fail)
    answer = client.post("/admin/reload")
    assert answer.status_code == 409
    assert answer.json()["message"].endswith("models/stack/small has changed.")
    assert client.post("/embed", json={"inputs": "a"}).json() == [[0.0]]
    assert client.post("/admin/reload").status_code == 409  # and not "being loaded already"
    assert "already" not in client.post("/admin/reload").json()["message"]


def test_models_without_the_search_that_the_server_offers_leave_the_old_ones(
    served: ServedModels, make_client: Make, recorder: Recorder
) -> None:
    rooms: dict[str, Any] = {**served.by_room(), "search": {}}
    client = make_client(served, recorder=recorder, load=lambda: ServedModels(*rooms.values()))
    before = client.get("/info").json()["parts"]
    answer = client.post("/admin/reload")
    assert answer.status_code == 409
    assert answer.json()["message"] == (  # right for trained models and for live ones
        "the new models have no search, which this server offers; make or promote a stack, or "
        "restart the server to serve without a search."
    )
    assert client.get("/info").json()["parts"] == before
    assert client.post("/v1/search", json={"query": "bread"}).status_code == 200


@pytest.mark.parametrize("room", ["reranker", "rewriter"])
def test_a_stack_that_does_without_a_model_goes_live(
    served: ServedModels, make_client: Make, room: str
) -> None:
    rooms: dict[str, Any] = {**served.by_room(), room: {}}
    client = make_client(served, load=lambda: ServedModels(*rooms.values()))
    assert client.post("/admin/reload").status_code == 200
    assert room not in client.get("/info").json()["parts"]
    assert client.post("/v1/search", json={"query": "bread"}).status_code == 200


def test_models_may_have_other_names_and_more_rooms_after_a_reload(
    served: ServedModels, make_client: Make
) -> None:
    client = make_client(models(0), load=lambda: served)
    assert client.post("/admin/reload").status_code == 200
    assert client.post("/v1/search", json={"query": "bread"}).status_code == 200


def test_a_signal_that_would_lose_the_search_is_logged_and_changes_nothing(
    served: ServedModels, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(served, load=lambda: models(1))

    async def run() -> None:
        reload_soon(app.state.service)
        await app.state.service.reloading

    asyncio.run(run())
    assert app.state.service.served is served
    assert "no search, which this server offers" in caplog.text


def test_too_little_memory_for_other_models_is_a_reason_and_not_silence(
    make_client: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Any:
        raise RuntimeError("CUDA out of memory.")

    client = make_client(models(0), load=fail)
    answer = client.post("/admin/reload")
    assert answer.status_code == 409
    assert answer.json()["message"].endswith("loaded: RuntimeError: CUDA out of memory.")
    app = create_app(models(0), load=fail)

    async def run() -> None:
        reload_soon(app.state.service)
        await app.state.service.reloading

    asyncio.run(run())
    assert "The models stay as they are" in caplog.text


def test_a_second_change_waits_for_the_first(make_client: Make) -> None:
    started, free = threading.Event(), threading.Event()

    def load_late() -> Any:
        started.set()
        free.wait(10)
        return models(1)

    client = make_client(models(0), load=load_late)
    with ThreadPoolExecutor(1) as executor:
        first = executor.submit(client.post, "/admin/reload")
        started.wait(10)
        assert client.post("/embed", json={"inputs": "a"}).json() == [[0.0]]  # goes on meanwhile
        second = client.post("/admin/reload")
        free.set()
    assert (first.result().status_code, second.status_code) == (200, 409)


def test_a_signal_changes_the_models(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(models(0), load=lambda: models(1))

    async def run() -> None:
        async with lifespan(app):
            os.kill(os.getpid(), signal.SIGHUP)
            for _ in range(100):
                await asyncio.sleep(0.01)
                if [*app.state.service.served.embedders] == ["embedder/1"]:
                    return
            raise AssertionError("the models did not change")

    asyncio.run(run())

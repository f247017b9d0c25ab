"""A key, a size, a time and a number limit what strangers and mistakes can do."""

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from findtune.serving.gate import Gate
from findtune.serving.hosts import allowed_hosts
from findtune.serving.keys import Keys
from findtune.serving.limits import Limits
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels

Make = Callable[..., TestClient]


def test_without_the_key_only_health_is_answered(served: ServedModels, make_client: Make) -> None:
    client = make_client(served, keys=Keys("k\u00e9y"))
    assert client.get("/health").status_code == 200
    for sent in ("", "Bearer", "Bearer wrong", "k\u00e9y"):
        answer = client.get("/v1/models", headers={"Authorization": sent.encode()})
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
    answer = client.get("/v1/models", headers={"Authorization": "Bearer k\u00e9y".encode()})
    assert answer.status_code == 200


def test_a_body_that_is_too_large_is_413(served: ServedModels, make_client: Make) -> None:
    client = make_client(served, limits=Limits(max_body_bytes=100))
    assert client.post("/embed", json={"inputs": "a" * 50}).status_code == 200
    assert client.post("/embed", json={"inputs": "a" * 200}).status_code == 413
    parts = iter([b"{", b"a" * 200])  # sent without its length
    answer = client.post("/embed", content=parts)
    assert answer.status_code == 413
    assert "more than 100 bytes" in answer.json()["message"]


def test_a_body_that_comes_too_slowly_is_408(served: ServedModels, make_client: Make) -> None:
    client = make_client(served, limits=Limits(body_seconds=0.01))
    gate = Gate(client.app, client.app.state.service, Keys())
    sent: list[dict[str, object]] = []

    async def never() -> dict[str, object]:
        await asyncio.sleep(10)
        return {}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/embed", "method": "POST", "headers": []}
    asyncio.run(gate(scope, never, send))
    assert sent[0]["status"] == 408


def test_bodies_that_are_no_json_or_no_text_are_4xx(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"{", b"\xff", b"null", b'{"inputs": "\\ud800"}', b'{"inputs": NaN}'):
        answer = client.post("/embed", content=content, headers=headers)
        assert 400 <= answer.status_code < 500, content
        assert answer.json()["error"]["message"]


def test_an_unknown_path_and_a_wrong_method_are_json(client: TestClient) -> None:
    assert client.get("/nothing").json()["message"] == "not found; see /openapi.json."
    answer = client.get("/embed")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_answer_allows_another_origin(client: TestClient) -> None:
    answer = client.post(
        "/embed", json={"inputs": "a"}, headers={"Origin": "https://other.example"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_cannot_have_a_browser_call_it(
    served: ServedModels, make_client: Make, site: str
) -> None:
    loaded: list[bool] = []
    client = make_client(served, load=lambda: loaded.append(True) or served)
    headers = {"Sec-Fetch-Site": site}
    answer = client.post("/admin/reload", headers=headers)
    assert (answer.status_code, loaded) == (403, [])
    assert client.post("/embed", content=b'{"inputs": "a"}', headers=headers).status_code == 403
    assert client.get("/health", headers=headers).status_code == 200  # a link may lead here
    assert client.post("/admin/reload", headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_a_failure_is_logged_without_what_the_user_asked(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = client.post("/rerank", json={"query": "fail", "documents": ["a"]})
    assert answer.status_code == 500
    assert answer.json()["message"] == "the server failed; its log says where."
    [line] = [r.getMessage() for r in caplog.records if r.name == "findtune.serving"]
    assert line.startswith("RuntimeError at ")
    assert "of a user" not in caplog.text


def test_more_requests_than_may_wait_are_429(served: ServedModels, make_client: Make) -> None:
    client = make_client(served, limits=Limits(max_waiting=1))
    started, free = threading.Event(), threading.Event()
    reranker = served.rerankers["stack/small"]
    request = {"query": "bread", "documents": ["bread"]}
    rerank = reranker.rerank

    def rerank_late(*arguments: object) -> object:
        started.set()
        free.wait(10)
        return rerank(*arguments)

    reranker.rerank = rerank_late
    first: list[int] = []
    thread = threading.Thread(
        target=lambda: first.append(client.post("/rerank", json=request).status_code)
    )
    thread.start()
    started.wait(10)
    answer = client.post("/rerank", json=request)
    assert client.get("/health").status_code == 200
    free.set()
    thread.join()
    assert first == [200]
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_more_requests_than_may_be_here_are_429_as_json(
    served: ServedModels, make_client: Make
) -> None:
    client = make_client(served, limits=Limits(max_requests=0))
    answer = client.post("/v2/rerank", json={"query": "bread", "documents": ["bread"]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["error"]["type"] == "rate_limit_error"


LOOPBACK = allowed_hosts("127.0.0.1", (), has_key=False)


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "LOCALHOST.:80", "127.0.0.1:9", "[::1]:8080", "[::1]", "::1"],
)
def test_a_server_of_this_machine_answers_to_its_names(
    served: ServedModels, make_client: Make, host: str
) -> None:
    client = make_client(served, hosts=LOOPBACK)
    assert client.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"]
    + ["", "evil.example:localhost", "[::1].evil", "localhost@evil.example", "0.0.0.0", "[::2]:80"],
)
def test_a_name_that_another_site_gave_to_this_machine_is_421(
    served: ServedModels, make_client: Make, recorder: Recorder, host: str
) -> None:
    client = make_client(served, hosts=LOOPBACK, recorder=recorder)
    for path in ("/v1/models", "/", "/health"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "ALLOWED_HOSTS" in answer.json()["message"]


def test_a_name_that_is_allowed_is_answered(served: ServedModels, make_client: Make) -> None:
    hosts = allowed_hosts("127.0.0.1", ["Search.test"], has_key=True)
    client = make_client(served, hosts=hosts)
    assert client.get("/health", headers={"Host": "search.test:443"}).status_code == 200
    assert client.get("/health", headers={"Host": "other.test"}).status_code == 421
    assert allowed_hosts("0.0.0.0", (), has_key=False) is None
    assert allowed_hosts("127.0.0.3", (), has_key=False) == {*LOOPBACK, "127.0.0.3"}


def test_a_body_without_its_content_type_is_told_the_header_that_it_lacks(
    client: TestClient,
) -> None:
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):  # as curl -d has it
        answer = client.post("/embed", content=b'{"inputs": "a"}', headers=headers)
        assert answer.status_code == 422
        assert "send the header Content-Type: application/json" in answer.json()["message"]
    headers = {"Content-Type": "application/json; charset=utf-8"}
    wrong = client.post("/embed", content=b'"a"', headers=headers)
    assert "header" not in wrong.json()["message"]
    assert "header" not in client.post("/embed").json()["message"]  # which would not help


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/metrics"])
def test_what_can_be_got_has_a_head(client: TestClient, path: str) -> None:
    answer, head = client.get(path), client.head(path)
    assert head.status_code == 200
    assert head.headers["Content-Type"] == answer.headers["Content-Type"]
    assert client.head("/embed").status_code == 405

"""A request that cannot be read is told what is wrong in it, in plain words."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from findtune.serving.served import ServedModels

JSON = {"Content-Type": "application/json"}
ONE_OR_MORE = "input: send a text or a list of texts, not"
EMBED = ("/v1/embeddings", {"input": "a"})
RERANK = ("/v1/rerank", {"query": "q", "documents": ["a"]})
REWRITE = ("/v1/rewrite", {"query": "q"})


def message_of(client: TestClient, request: tuple[str, dict[str, Any]], change: object) -> str:
    """Return the message on a body in which fields were changed; it must be a 422."""
    path, body = request
    answer = client.post(path, json={**body, **change} if isinstance(change, dict) else change)
    assert answer.status_code == 422
    message: str = answer.json()["message"]
    return message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "input: the list is empty; send at least 1 item."),
        (None, f"{ONE_OR_MORE} null."),
        (True, f"{ONE_OR_MORE} true."),
        (2.5, f"{ONE_OR_MORE} a number."),
        ({"text": "a"}, f"{ONE_OR_MORE} an object."),
        (["a"] * 2049, "input: send at most 2,048 items, not 2,049."),
        ("a" * 50_001, "input: send at most 50,000 characters, not 50,001."),
        (["a", "a" * 50_001], "input[1]: send at most 50,000 characters, not 50,001."),
        (["a", 3], "input[1]: send a text, not a number."),
        (["a", None, ["b"]], "input[1]: send a text, not null; input[2]: send a text, not a list."),
    ],
)
def test_a_text_that_cannot_be_embedded_is_named(
    client: TestClient, value: object, message: str
) -> None:
    assert message_of(client, EMBED, {"input": value}) == message
    tei = ("/embed", {"inputs": value})
    assert message_of(client, tei, {}) == message.replace("input", "inputs")


DOCUMENT = "send a text or an object with title, text and url, not"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["x", 3], f"documents[1]: {DOCUMENT} a number."),
        ([None], f"documents[0]: {DOCUMENT} null."),
        ([["x"]], f"documents[0]: {DOCUMENT} a list."),
        (["x", {}], "documents[1]: a document needs a text, or a title."),
        (["x", {"title": 3}], "documents[1].title: send a text, not a number."),
        ([{"text": "a" * 50_001}], "documents[0].text: send at most 50,000 characters, not 50,001"),
        ("x", "documents: send a list, not a text."),
        ([], "documents: the list is empty; send at least 1 item."),
        (["x"] * 1001, "documents: send at most 1,000 items, not 1,001."),
        ([3] * 7, f"documents[4]: {DOCUMENT} a number; and 2 more."),
    ],
)
def test_a_document_that_cannot_be_reranked_is_named(
    client: TestClient, value: object, message: str
) -> None:
    assert message in message_of(client, RERANK, {"documents": value})


@pytest.mark.parametrize(
    ("request_", "change", "message"),
    [
        (EMBED, {"dimensions": 0}, "dimensions: send at least 1."),
        (EMBED, {"dimensions": 5000}, "dimensions: send at most 3, the dimensions of stack/small."),
        (EMBED, {"dimensions": 2.5}, "dimensions: send a whole number, not 2.5."),
        (EMBED, {"dimensions": "3"}, "dimensions: send a whole number, not a text."),
        (EMBED, {"encoding_format": "int8"}, "encoding_format: send 'float' or 'base64'."),
        (EMBED, {"model": 5}, "model: send a text, not a number."),
        (("/embed", {"inputs": "a"}), {"normalize": False}, "normalize: send true."),
        (("/embed", {}), {"input": "a"}, "inputs: this field is missing."),
        (RERANK, {"query": ""}, "query: the text is empty; send at least 1 character."),
        (RERANK, {"return_documents": "no"}, "return_documents: send true or false, not a text."),
        (REWRITE, {"n": 51}, "n: send at most 50."),
        (REWRITE, {"seed": 2**32}, "seed: send less than 4,294,967,296."),
        (REWRITE, {"history": ["a", ""]}, "history[1]: the text is empty; send at least 1"),
        (REWRITE, [], "body: send a JSON object, not a list."),
        (REWRITE, "a", "body: send a JSON object, not a text."),
    ],
)
def test_a_field_with_a_wrong_value_is_named_with_what_is_expected(
    client: TestClient, request_: tuple[str, dict[str, Any]], change: object, message: str
) -> None:
    assert message_of(client, request_, change).startswith(message)


@pytest.mark.parametrize("content", [b"", b"null"])
def test_a_body_that_is_missing_is_asked_for(client: TestClient, content: bytes) -> None:
    answer = client.post("/embed", content=content, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("body: send a JSON object")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"inputs": "a', "it is not JSON: Unterminated string starting at character 12"),
        (b'{"inputs": "a"} x', "it is not JSON: Extra data at character 17"),
        (b"{'inputs': 1}", "double quotes at character 2"),
        (b"tea", "it is not JSON: Expecting value at character 1"),
        (b'{"inputs": "\xff"}', "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deep"),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "it has a number with too many digits"),
    ],
)
def test_a_body_that_is_no_json_is_400_with_what_is_wrong(
    client: TestClient, content: bytes, message: str
) -> None:
    for path in ("/embed", "/v1/rerank", "/v1/search"):
        answer = client.post(path, content=content, headers=JSON)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == 400
        assert answer.json()["message"].startswith("body: it ")
        assert message in answer.json()["message"]


def test_half_a_character_is_named(client: TestClient) -> None:
    answer = client.post("/embed", content=b'{"inputs": ["a", "\\ud800"]}', headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("inputs[1]: the text has half of a surrogate pair")


@pytest.mark.parametrize("status", [400, 405, 418])
def test_only_a_body_that_could_not_be_read_is_called_unreadable(
    served: ServedModels, make_client: Callable[..., TestClient], status: int
) -> None:
    def refuse() -> None:
        raise HTTPException(status)

    client = make_client(served)
    app: Any = client.app
    app.add_api_route("/refuses", refuse)
    answer = client.get("/refuses")
    assert answer.status_code == status
    assert answer.json()["message"] == f"{HTTPStatus(status).phrase.lower()}; see /openapi.json."

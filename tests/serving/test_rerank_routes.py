"""Documents are reranked as Cohere, Jina and text-embeddings-inference do it."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from findtune.serving.served import ServedModels

REQUEST = {"query": "price of bread", "documents": ["rice", "bread", "price of bread"]}


@pytest.mark.parametrize(("path", "version"), [("/rerank", "2"), ("/v1/rerank", "1")])
def test_the_best_document_comes_first(client: TestClient, path: str, version: str) -> None:
    request = {**REQUEST, "top_n": 2, "max_chunks_per_doc": 3}
    body = client.post(path, json=request).json()
    assert body["results"] == [
        {"index": 2, "relevance_score": 0.3},
        {"index": 1, "relevance_score": 0.1},
    ]
    assert body["usage"]["total_tokens"] == 7
    assert body["meta"]["api_version"]["version"] == version


def test_documents_are_returned_with_the_fields_that_were_sent(client: TestClient) -> None:
    documents = ["rice", {"title": "bread", "url": "u", "year": 2020}]
    request = {"query": "bread", "documents": documents, "return_documents": True}
    results = client.post("/v2/rerank", json=request).json()["results"]
    shown = [row["document"] for row in results]
    assert shown == [{"title": "bread", "url": "u"}, {"text": "rice"}]


def test_texts_are_answered_as_text_embeddings_inference_does(client: TestClient) -> None:
    request = {"query": "bread", "texts": ["rice", "bread"], "return_text": True}
    rows = client.post("/rerank", json=request).json()
    assert rows == [
        {"index": 1, "score": 0.1, "text": "bread"},
        {"index": 0, "score": 0.0, "text": "rice"},
    ]
    rows = client.post("/rerank", json={**request, "raw_scores": True}).json()
    assert [row["score"] for row in rows] == [1.0, 0.0]


def test_equal_documents_keep_their_order(client: TestClient) -> None:
    request = {"query": "bread", "documents": ["bread", "rice", "bread"]}
    results = client.post("/rerank", json=request).json()["results"]
    assert [row["index"] for row in results] == [0, 2, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"documents": []}, "at least 1 item"),
        ({"documents": [{"content": "rice"}]}, "a document needs a text, or a title"),
        ({"documents": ["rice"] * 1001}, "at most 1,000 items"),
        ({"texts": ["rice"]}, "send documents, or texts"),
        ({"query": ""}, "query: the text is empty"),
        ({"top_n": 0}, "top_n: send at least 1"),
    ],
)
def test_what_is_wrong_in_a_body_is_named(
    client: TestClient, change: dict[str, object], message: str
) -> None:
    answer = client.post("/rerank", json={**REQUEST, **change})
    assert answer.status_code == 422
    assert message in answer.json()["message"]


def test_a_server_without_a_reranker_says_so(
    served: ServedModels, make_client: Callable[..., TestClient]
) -> None:
    client = make_client(ServedModels(embedders=served.embedders))
    answer = client.post("/rerank", json=REQUEST)
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("this server has no reranker: `make train")
    assert "has no stack or no corpus" in client.post("/v1/search", json=REQUEST).json()["message"]


def test_texts_come_back_as_documents_where_documents_are_asked_for(client: TestClient) -> None:
    request = {"query": "bread", "texts": ["rice", "bread"], "return_documents": True}
    [first, _] = client.post("/v1/rerank", json=request).json()["results"]
    assert first["document"] == {"text": "bread"}

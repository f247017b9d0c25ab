"""A server tells what it serves, and counts without any text."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from findtune.serving.limits import Limits
from findtune.serving.served import ServedModels


def test_models_are_listed_with_what_they_answer(client: TestClient) -> None:
    body = client.get("/v1/models").json()
    assert {row["id"]: row["rooms"] for row in body["data"]} == {
        "stack/small": ["embedder", "reranker", "rewriter", "search"],
        "embedder/small": ["embedder"],
    }


def test_info_has_the_content_hash_of_each_part(client: TestClient) -> None:
    body = client.get("/info").json()
    assert (body["model_id"], body["model_sha"]) == ("stack/small", "e0")
    hashes = [part["content_hash"] for part in body["parts"]]
    assert hashes == ["e0", "e1", "r0", "w0", "s0"]
    assert body["parts"][-1]["documents"] == 1


def test_metrics_count_requests_by_route_and_hold_no_text(client: TestClient) -> None:
    client.post("/v1/embeddings", json={"input": ["secret", "words"]})
    client.get("/v1/secret?question=secret")
    text = client.get("/metrics").text
    assert 'findtune_requests_total{route="/v1/embeddings",status="200"} 1.0' in text
    assert 'findtune_requests_total{route="unmatched",status="404"} 1.0' in text
    assert 'findtune_texts_total{room="embedder"} 2.0' in text
    assert 'findtune_model_info{content_hash="r0",model="stack/small",room="reranker"} 1.0' in text
    assert "secret" not in text


def test_the_schema_has_every_error_that_a_client_may_read(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    answer = client.post("/v1/embeddings", json={"input": []})
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert {"400", "401", "404", "413", "422", "429", "503"} <= {*operation["responses"]}
            shown = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert shown == {"$ref": "#/components/schemas/ErrorBody"}
    body = schema["components"]["schemas"]["ErrorBody"]["properties"]
    assert {*body} == {*answer.json()}


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/v1/search", "rewrite_query", 0),
        ("/v1/search", "max_num_results", True),
        ("/v1/rewrite", "seed", False),
        ("/v1/rewrite", "n", "3"),
    ],
)
def test_a_value_of_another_type_is_refused(
    client: TestClient, path: str, field: str, value: object
) -> None:
    assert client.post(path, json={"query": "bread", field: value}).status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/v1/embeddings", {"input": "tea"}, "model encoding_format dimensions user"),
        ("/embed", {"inputs": "tea"}, "dimensions normalize truncate"),
        ("/v2/rerank", {"query": "tea", "documents": ["tea"]}, "texts top_n return_documents"),
        ("/rerank", {"query": "tea", "texts": ["tea"]}, "documents return_text raw_scores"),
        ("/v2/rerank", {"query": "tea", "documents": [{"text": "tea"}]}, "model"),
        ("/v1/search", {"query": "tea"}, "max_num_results rewrite_query history user"),
        ("/v1/rewrite", {"query": "tea"}, "n seed history"),
    ],
)
def test_null_is_the_same_as_a_field_that_was_left_out(
    client: TestClient, path: str, body: dict[str, Any], fields: str
) -> None:
    # LiteLLM sends "encoding_format": null with every text to embed.
    answers = [
        client.post(path, json={**body, **more}) for more in ({}, dict.fromkeys(fields.split()))
    ]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
    plain, nulls = (re.sub(r'"id":"[^"]*"', "", answer.text) for answer in answers)
    assert plain == nulls
    assert client.post(path, json=dict.fromkeys(body)).status_code == 422


def test_a_whole_number_may_have_a_point(client: TestClient) -> None:
    answer = client.post("/v1/rewrite", json={"query": "bread", "n": 3.0})
    assert len(answer.json()["queries"]) == 3
    assert client.post("/v1/rewrite", json={"query": "bread", "n": 3.5}).status_code == 422


def test_the_schema_has_the_limits_of_numbers(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    [number, _] = schemas["RewriteBody"]["properties"]["n"]["anyOf"]
    assert number == {"type": "integer", "minimum": 1, "maximum": 50}


def test_texts_that_were_refused_do_not_count_as_read(
    served: ServedModels, make_client: Callable[..., TestClient]
) -> None:
    client = make_client(served, limits=Limits(max_waiting=0))
    bodies = {
        "/v1/embeddings": {"input": "a"},
        "/rerank": {"query": "a", "documents": ["a"]},
        "/v1/rewrite": {"query": "a"},
        "/v1/search": {"query": "a"},
    }
    for path, body in bodies.items():
        assert client.post(path, json=body).status_code == 429
    assert "findtune_texts_total{" not in client.get("/metrics").text

"""A server tells what it serves, and counts without any text."""

from fastapi.testclient import TestClient


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

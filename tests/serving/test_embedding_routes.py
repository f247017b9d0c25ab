"""Embeddings are answered as OpenAI and text-embeddings-inference answer them."""

import base64

import numpy as np
import pytest
from fastapi.testclient import TestClient

LENGTH_3_WORDS_1 = [3 / 10**0.5, 1 / 10**0.5, 0]


def test_one_text_and_a_list_give_a_list_of_unit_vectors(client: TestClient) -> None:
    for texts in ("tea", ["tea"]):
        body = client.post("/v1/embeddings", json={"model": "stack/small", "input": texts}).json()
        [row] = body["data"]
        assert row["embedding"] == pytest.approx(LENGTH_3_WORDS_1)
        assert (body["object"], row["object"], row["index"]) == ("list", "embedding", 0)
        assert body["usage"] == {"prompt_tokens": 1, "total_tokens": 1}
        assert body["model"] == "stack/small"


def test_base64_is_little_endian_fp32(client: TestClient) -> None:
    request = {"input": "tea", "encoding_format": "base64"}
    [row] = client.post("/v1/embeddings", json=request).json()["data"]
    vector = np.frombuffer(base64.b64decode(row["embedding"]), dtype="<f4")
    assert vector.tolist() == pytest.approx(LENGTH_3_WORDS_1)


def test_fewer_dimensions_are_a_unit_vector_again(client: TestClient) -> None:
    request = {"input": "tea", "dimensions": 1}
    [row] = client.post("/v1/embeddings", json=request).json()["data"]
    assert row["embedding"] == [1.0]
    answer = client.post("/v1/embeddings", json={"input": "tea", "dimensions": 4})
    assert answer.status_code == 422
    assert answer.json()["message"] == "dimensions: send at most 3, the dimensions of stack/small."


def test_token_ids_are_refused_with_the_reason(client: TestClient) -> None:
    for tokens in ([1, 2], [[1, 2], [3]], 5):
        answer = client.post("/v1/embeddings", json={"input": tokens})
        assert answer.status_code == 422
        assert "send texts, not token ids" in answer.json()["error"]["message"]


def test_an_empty_list_is_refused_as_one(client: TestClient) -> None:
    answer = client.post("/v1/embeddings", json={"input": []})
    assert answer.status_code == 422
    assert "at least 1 item" in answer.json()["message"]
    assert "token ids" not in answer.json()["message"]


def test_embed_returns_bare_vectors(client: TestClient) -> None:
    rows = client.post("/embed", json={"inputs": ["tea", "tea"], "truncate": True}).json()
    assert rows == [pytest.approx(LENGTH_3_WORDS_1)] * 2


def test_an_unknown_model_is_404_with_the_names_that_are_known(client: TestClient) -> None:
    answer = client.post("/v1/embeddings", json={"model": "gpt", "input": "tea"})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "model_not_found"
    assert "stack/small, embedder/small" in answer.json()["message"]

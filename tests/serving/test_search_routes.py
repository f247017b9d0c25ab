"""A question is rewritten, and searched with all that each part did."""

import pytest
from fastapi.testclient import TestClient


def test_rewrites_are_as_many_as_asked_for(client: TestClient) -> None:
    request = {"query": "bread", "n": 3, "seed": 5, "history": ["rice"]}
    body = client.post("/v1/rewrite", json=request).json()
    assert body == {
        "model": "stack/small",
        "queries": ["bread 0 5 1", "bread 1 5 1", "bread 2 5 1"],
    }
    assert client.post("/v1/rewrite", json={"query": "a"}).json()["queries"] == [
        "a 0 None 0",
        "a 1 None 0",
    ]


def test_a_search_shows_what_each_part_did(client: TestClient) -> None:
    body = client.post("/v1/search", json={"query": "bread"}).json()
    assert body["queries"] == ["bread", "more"]
    assert body["pipeline"]["retriever"] == "bm25"
    assert (body["candidates"], body["seconds"]) == (2, {"rewrite": 0.25})
    [document] = body["documents"]
    assert (document["url"], document["rank"], document["retrieved_rank"]) == ("u", 1, 3)


def test_without_rewriting_the_question_alone_is_searched(client: TestClient) -> None:
    request = {"query": "bread", "rewrite_query": False}
    body = client.post("/v1/search", json=request).json()
    assert body["queries"] == ["bread"]
    assert body["pipeline"]["queries"] == "question"


def test_more_results_than_a_search_retrieves_are_refused(client: TestClient) -> None:
    request = {"query": "bread", "max_num_results": 101}
    assert client.post("/v1/search", json=request).status_code == 422


@pytest.mark.parametrize("question", [" ", "\n", "\x00", "\u200b"])
def test_a_question_in_which_nothing_can_be_seen_is_refused(
    client: TestClient, question: str
) -> None:
    # Recorded, it would be a record that ingest rejects, and that may stop `make train`.
    for path in ("/v1/search", "/v1/rewrite"):
        answer = client.post(path, json={"query": question})
        assert answer.status_code == 422
        assert answer.json()["message"] == "query: the question is empty; ask something."
    earlier = client.post("/v1/rewrite", json={"query": "bread", "history": ["rice", question]})
    assert earlier.status_code == 422


def test_a_letter_that_this_python_does_not_know_is_seen(client: TestClient) -> None:
    for question in ("\ue000", "\U0001fae8"):
        assert client.post("/v1/search", json={"query": question}).status_code == 200

"""Candidates are what a search finds for a question, and get weights of their own."""

from typing import Any

import numpy as np
import pytest

from findtune.core.records import Record
from findtune.reranker.model.ranked_lists import decisive_gains, picked
from findtune.reranker.model.retriever_features import FEATURES, list_columns
from findtune.reranker.training.candidates import (
    AS_FOUND,
    DocumentSearch,
    asked_queries,
    candidate_lists,
    rank_candidates,
)
from findtune.reranker.training.feature_weights import FUSED
from findtune.reranker.training.recipe import Recipe

# The direction of each query, and of each document in degrees from the x axis.
ANGLES = {"tea": 0, "rice": 90, "a": 10, "b": 20, "c": 60, "d": 80, "never shown": 5}
VECTORS = {
    text: np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    for text, angle in ANGLES.items()
}


def url(name: str) -> str:
    return f"https://x.example/{name}"


def document(name: str, *, shown: bool = True) -> Record:
    labels = {"gain": 0.0, "shown": shown, "rank": 1, "score": 7.0, "query_used": "tea"}
    return {"url": url(name), "title": "", "text": name, **labels}


def ranked_list(query: str, names: str, pick: str, **changes: Any) -> Record:
    documents = [document(name) for name in names]
    picks = [url(pick)]
    same = {"group": query, "documents": documents, "picks": picks, "qrels": {}}
    return {"query": query, **same, **changes}


LISTS = [ranked_list("tea", "ac", "a"), ranked_list("rice", "db", "d")]


def found(lists: list[Record], number: int = 3, eta: float = 0.0) -> list[Record]:
    return candidate_lists(asked_queries(lists, eta), DocumentSearch(lists, VECTORS), number)


def find(query: str, lists: list[Record], **options: Any) -> Record:
    [row] = [row for row in found(lists, **options) if row["query"] == query]
    return row


def names(ranked_list: Record) -> str:
    return "".join(row["text"] for row in ranked_list["documents"])


def test_a_search_finds_the_nearest_documents_of_all_lists() -> None:
    assert {row["query"]: names(row) for row in found(LISTS)} == {"tea": "abc", "rice": "dcb"}
    assert all(row["group"] == row["query"] for row in found(LISTS))


def test_a_document_that_the_user_was_not_shown_is_not_searched() -> None:
    first, *others = LISTS
    first = first | {"documents": [*first["documents"], document("never shown", shown=False)]}
    assert names(find("tea", [first, *others])) == "abc"


def test_what_nobody_picked_for_the_query_is_irrelevant() -> None:
    lists = [LISTS[0], ranked_list("rice", "db", "b")]
    tea, rice = (find(query, lists) for query in ("tea", "rice"))
    assert picked(tea).tolist() == decisive_gains(tea).tolist() == [1, 0, 0]
    assert picked(rice).tolist() == [0, 0, 1]


def test_grades_decide_where_a_query_has_some() -> None:
    graded = LISTS[0] | {"qrels": {url("a"): 0, url("c"): 2}}
    tea = find("tea", [graded, LISTS[1]])
    assert decisive_gains(tea).tolist() == [0, 0, 2]
    assert tea["picks"] == [url("c")]


def test_a_grade_counts_for_a_document_that_only_another_list_shows() -> None:
    graded = LISTS[0] | {"qrels": {url("b"): 3}}
    assert decisive_gains(find("tea", [graded, LISTS[1]])).tolist() == [0, 3, 0]


def test_the_lists_of_one_query_are_one() -> None:
    again = ranked_list("tea", "bd", "b")
    [tea] = [row for row in found([*LISTS, again]) if row["query"] == "tea"]
    assert picked(tea).tolist() == [1, 1, 0]


def test_picks_are_corrected_by_the_rank_at_which_they_were_shown() -> None:
    late = [row | {"rank": 4} for row in LISTS[0]["documents"]]
    tea = find("tea", [LISTS[0] | {"documents": late}, LISTS[1]], eta=0.5)
    assert decisive_gains(tea, eta=0.5).tolist() == [2, 0, 0]


def test_candidates_have_no_rank_or_score_of_another_engine() -> None:
    for ranked_list in found(LISTS):
        _, rank, score, found_by = list_columns(ranked_list)
        assert not rank.any()
        assert not score.any()
        assert not found_by.any()


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_list_with_only_relevant_candidates_or_with_none_is_left_out(number: int) -> None:
    lists = [LISTS[0], ranked_list("rice", "db", "b")]  # b is the third for rice
    kept: dict[int, set[str]] = {1: set(), 2: {"tea"}, 4: {"tea", "rice"}}
    assert {row["query"] for row in found(lists, number)} == kept[number]


def test_at_most_some_queries_are_taken_whatever_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("findtune.reranker.training.candidates.MAX_QUERIES", 4)
    lists = [ranked_list(f"query {number % 6}", "ab", "ab"[number // 6]) for number in range(12)]
    forward, backward = (asked_queries(rows, 0.0) for rows in (lists, lists[::-1]))
    assert forward == backward
    assert len({asked.query for asked in forward}) == 4
    assert all(asked.gains == {url("a"): 1, url("b"): 1} for asked in forward)


def with_features(groups: int) -> tuple[list[Record], list[np.ndarray]]:
    """Return lists whose picks follow the retriever and doc_similarity, and their features."""
    rng = np.random.default_rng(1)
    features = [rng.normal(size=(4, len(FEATURES))) for _ in range(40)]
    best = [row[:, :2].sum(axis=1).argmax() for row in features]
    lists = [ranked_list("tea", "abcd", "abcd"[row]) for row in best]
    return [row | {"group": f"{n % groups}"} for n, row in enumerate(lists)], features


def test_what_ranks_candidates_best_is_chosen_by_cross_fitting(recipe: dict[str, Any]) -> None:
    best = rank_candidates(*with_features(groups=10), Recipe(**recipe))[0]
    assert best.name == FUSED
    assert best.ndcg.mean() > 0.9


def test_a_search_keeps_its_order_where_nothing_is_better(recipe: dict[str, Any]) -> None:
    lists, features = with_features(groups=40)
    for place, row in enumerate(lists):  # the first document is relevant, or else the second
        row["picks"] = [row["documents"][int(place % 4 == 0)]["url"]]
    noise = np.random.default_rng(2)
    features = [noise.normal(size=list_features.shape) for list_features in features]
    best = rank_candidates(lists, features, Recipe(**recipe))[0]
    assert best.name == AS_FOUND
    assert best.ndcg.mean() == pytest.approx(0.75 + 0.25 / np.log2(3))


@pytest.mark.parametrize("groups", [0, 1])
def test_with_too_few_candidates_a_search_keeps_its_order(
    recipe: dict[str, Any], groups: int
) -> None:
    lists, features = with_features(groups) if groups else ([], [])
    [ranking] = rank_candidates(lists, features, Recipe(**recipe))
    weights = [getattr(ranking.weights, name) for name in FEATURES if name != "shown_rank"]
    assert ranking.name == AS_FOUND
    assert not any([*weights, ranking.weights.cross_encoder])
    assert not len(ranking.ndcg)

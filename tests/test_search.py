"""Searching a pool: by words, by vectors, and several searches made one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from findtune.files import write_jsonl
from findtune.search import DEPTH, ByVectors, ByWords, Pool, fused, read_pool

POOL = Pool({"a": "green tea", "b": "milk and tea, tea", "c": "price of bread", "d": ""}, {})

# One of several


def test_a_sources_place_is_by_the_sum_of_one_over_constant_and_rank() -> None:
    # a: 1/61 + 1/63 = 0.03227, b: 1/62 + 1/61 = 0.03252, c: 1/63 = 0.01587, d: 1/62 = 0.01613
    assert fused([["a", "b", "c"], ["b", "d", "a"]], constant=60) == ["b", "a", "d", "c"]


def test_what_two_searches_bring_stands_above_what_one_brings_first() -> None:
    assert fused([["a", "b"], ["c", "b"]], constant=60) == ["b", "a", "c"]
    # with a small constant the first place is worth more: 1/1 against 1/3 + 1/3
    assert fused([["a", "b", "x"], ["c", "d", "x"]], constant=0) == ["a", "c", "x", "b", "d"]


def test_of_equal_sums_the_source_of_the_earlier_ranking_is_first() -> None:
    assert fused([["b", "a"], ["d", "c"], ["f"]], constant=10) == ["b", "d", "f", "a", "c"]
    assert fused([["b", "a"], ["a", "b"]], constant=10) == ["b", "a"]


def test_the_first_ranking_counts_as_much_as_one_says() -> None:
    rankings = [["a"], ["b"], ["b", "a"]]
    # a: first/11 + 1/12, b: 1/11 + 1/11
    assert fused(rankings, constant=10) == ["b", "a"]
    assert fused(rankings, constant=10, first=2) == ["a", "b"]
    assert fused([["a"], ["b"]], constant=10, first=0.5) == ["b", "a"]


def test_one_ranking_stays_as_it_is_and_none_is_empty() -> None:
    assert fused([["c", "a", "b"]], constant=60, first=3) == ["c", "a", "b"]
    assert fused([[], ["a"]], constant=60) == ["a"]
    assert fused([], constant=60) == fused([[]], constant=60) == []


RANKINGS = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), max_size=4)


@given(rankings=RANKINGS, constant=st.integers(1, 60), first=st.sampled_from([0.5, 1.0, 2.0]))
def test_every_source_is_there_once_in_the_order_of_its_sum(
    rankings: list[list[str]], constant: int, first: float
) -> None:
    def total(url: str) -> float:
        return sum(
            (first if at == 0 else 1) / (constant + its.index(url) + 1)
            for at, its in enumerate(rankings)
            if url in its
        )

    found = fused(rankings, constant, first)
    assert sorted(found) == sorted({url for its in rankings for url in its})
    sums = [total(url) for url in found]
    assert all(one >= two - 1e-12 for one, two in zip(sums, sums[1:], strict=False))


# By words


def test_a_search_by_words_leaves_out_what_shares_no_word() -> None:
    by_words = ByWords(POOL)
    assert by_words.found(["teas", "the bread", "of", "", "☕", "wine"]) == [
        ["b", "a"],
        ["c"],
        *([[]] * 4),
    ]
    assert by_words.found([]) == []


def test_a_query_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    by_words, searched = ByWords(POOL), []
    best = by_words.index.best

    def counted(query: str, most: int) -> list[int]:
        searched.append(query)
        return best(query, most)

    monkeypatch.setattr(by_words.index, "best", counted)
    assert by_words.found(["tea", "milk", "tea"]) == [["b", "a"], ["b"], ["b", "a"]]
    assert by_words.found(["milk"]) == [["b"]]
    assert searched == ["tea", "milk"]


def test_a_search_by_words_brings_no_more_than_its_depth() -> None:
    [found] = ByWords(Pool({str(at): "tea" for at in range(DEPTH + 5)}, {})).found(["tea"])
    assert found == [str(at) for at in range(DEPTH)]


# By vectors


class Counting:
    """An encoder whose vector tells how often a text says tea, and how often bread."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def encode(self, texts: Sequence[str], **how: Any) -> np.ndarray:
        assert how["normalize_embeddings"]
        self.read += texts
        raw = np.array([[text.count("tea"), text.count("bread")] for text in texts], dtype=float)
        unit: np.ndarray = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)
        return unit


def by_vectors(texts: dict[str, str]) -> ByVectors:
    return ByVectors(Pool(texts, {}), cast(SentenceTransformer, Counting()))


def test_a_search_by_vectors_brings_everything_the_nearest_first() -> None:
    pool = {"bread": "bread", "both": "bread tea tea", "tea": "tea", "none": "milk"}
    assert by_vectors(pool).found(["tea", "tea, bread, tea", "milk"]) == [
        ["tea", "both", "bread", "none"],
        ["both", "tea", "bread", "none"],  # 1, 0.89, 0.45, 0
        ["bread", "both", "tea", "none"],  # of equals the first in the pool
    ]


def test_a_search_by_vectors_reads_the_pool_once_and_nothing_for_no_query() -> None:
    search = by_vectors({**POOL.texts})
    search.found(["tea"])
    assert search.found([]) == search.found(iter([])) == []
    search.found(iter(["bread"]))
    assert cast(Counting, search.encoder).read == [*POOL.texts.values(), "tea", "bread"]


def test_a_search_by_vectors_brings_no_more_than_its_depth() -> None:
    [found] = by_vectors({str(at): "tea" for at in range(DEPTH + 5)}).found(["tea"])
    assert found == [str(at) for at in range(DEPTH)]


# The pool


def test_a_source_is_searched_by_its_title_and_its_text(tmp_path: Path) -> None:
    texts = [("Tea. ", "Cups drunk."), ("Tea", ""), ("", "Cups."), ("", ""), ("Who?", "All…")]
    its = [{"url": f"{at}", "title": one, "text": two} for at, (one, two) in enumerate(texts)]
    write_jsonl(tmp_path / "pool.jsonl", its)
    found = read_pool(tmp_path / "pool.jsonl")
    assert list(found.texts) == ["0", "1", "2", "3", "4"]
    assert [*found.texts.values()] == ["Tea. Cups drunk.", "Tea", "Cups.", "", "Who?. All…"]
    assert [*found.titles.values()] == ["Tea. ", "Tea", "", "", "Who?"]


def test_sums_that_are_equal_stay_equal_in_any_order() -> None:
    assert fused([[*"abc"], [*"cab"], [*"bca"]], constant=2) == [*"abc"]

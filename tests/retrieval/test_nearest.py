"""Approximate search agrees with exact search, which sorts no more than it must."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.core.errors import InputError
from findtune.retrieval import nearest
from findtune.retrieval.bm25 import BM25Index
from findtune.retrieval.nearest import (
    ApproximateNeighbours,
    ExactNeighbours,
    best_positions,
    neighbours,
    read_neighbours,
    write_inverted_file,
)

MIN_RECALL = 0.95  # of the ten nearest


@given(st.lists(st.sampled_from((0.0, 0.5, 1.0, 2.0)), min_size=1), st.integers(1, 9))
def test_the_best_positions_are_those_of_a_stable_sort(scores: list[float], k: int) -> None:
    expected = np.argsort(-np.array(scores), kind="stable")[:k]
    assert best_positions(np.array(scores), k).tolist() == expected.tolist()


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_a_score_that_is_no_number_is_refused_and_makes_no_empty_ranking(k: int) -> None:
    with pytest.raises(InputError, match=r"1 of 3 scores are no number .* train the model again"):
        best_positions(np.array([0.5, np.nan, 1.0]), k)
    vectors = np.full((3, 2), np.nan, dtype=np.float32)
    with pytest.raises(InputError, match="3 of 3 scores"):
        next(ExactNeighbours(vectors).nearest(np.ones((1, 2), dtype=np.float32), k))


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(40, 16))
    rows = centres[rng.integers(40, size=3000)] + rng.normal(size=(3000, 16)) / 2
    unit: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_a_large_corpus_is_searched_approximately_and_finds_nearly_the_same(
    vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faiss")
    assert isinstance(neighbours(vectors), ExactNeighbours)
    monkeypatch.setattr(nearest, "MAX_EXACT", 100)
    built = neighbours(vectors)
    assert isinstance(built, ApproximateNeighbours)
    write_inverted_file(built, tmp_path / "vectors.ivf")
    opened = read_neighbours(vectors, tmp_path / "vectors.ivf")
    queries = vectors[::100]
    exact = [*ExactNeighbours(vectors).nearest(queries, 10)]
    for index in (built, opened):
        found = [*index.nearest(queries, 10)]
        same = [len({*rows} & {*true}) / 10 for rows, true in zip(found, exact, strict=True)]
        assert np.mean(same) >= MIN_RECALL
        assert [rows[0] for rows in found] == [rows[0] for rows in exact]


def test_an_inverted_file_of_other_vectors_is_refused(vectors: np.ndarray, tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    built = ApproximateNeighbours(vectors, nearest.build_inverted_file(vectors))
    write_inverted_file(built, tmp_path / "vectors.ivf")
    with pytest.raises(InputError, match=r"3,000 vectors .* 2,999"):
        read_neighbours(vectors[1:], tmp_path / "vectors.ivf")


def test_without_faiss_a_large_corpus_says_what_to_install(
    vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "MAX_EXACT", 100)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match="faiss-cpu"):
        neighbours(vectors)


def test_a_saved_index_of_words_answers_as_the_one_that_was_built(tmp_path: Path) -> None:
    index = BM25Index(["tea and bread", "the price of bread", "rent"])
    index.save(tmp_path)
    loaded = BM25Index.load(tmp_path)
    for query in ("bread prices", "rents", "wine"):
        assert loaded.top_k(query, 2) == index.top_k(query, 2)
    assert loaded.size == 3

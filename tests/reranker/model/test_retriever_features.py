"""The retriever's features are what their formulas say, on every processor."""

from math import exp, sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.core.records import Record
from findtune.reranker.model.ranked_lists import document_texts
from findtune.reranker.model.retriever_features import (
    FEATURES,
    engine_score,
    list_columns,
    retriever_features,
    shown_rank,
    similarity_to_others,
    tuned_features,
    untuned_features,
)
from findtune.retrieval.encoder import load_encoder

FIELDS = ("text", "title")


def unit_vectors(*degrees: float) -> np.ndarray:
    """Return unit vectors of two dimensions at some angles."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_similarity_is_the_mean_cosine_with_others_weighted_by_query_similarity() -> None:
    # the first document equals the query; the others are 60 and 90 degrees away from it
    similarity = similarity_to_others(unit_vectors(0, 60, 90), unit_vectors(0)[0], 0.25)
    weights = [1, exp(-(1 - 0.5) / 0.25), exp(-1 / 0.25)]
    cos60, cos30 = 0.5, sqrt(3) / 2
    cosines = np.array([[0, cos60, 0], [cos60, 0, cos30], [0, cos30, 0]])
    assert similarity == pytest.approx(cosines @ weights / (sum(weights) - np.array(weights)))


def test_a_document_is_not_compared_with_itself() -> None:
    query = unit_vectors(45)[0]
    for degrees, expected in {(30,): [0], (0, 90): [0, 0], (0, 0, 90): [0.5, 0.5, 0]}.items():
        similarity = similarity_to_others(unit_vectors(*degrees), query, 0.2)
        assert similarity == pytest.approx(expected)


@given(
    degrees=st.lists(st.floats(0, 360), min_size=1, max_size=6),
    temperature=st.sampled_from([1e-3, 0.2, 1e3]),
)
def test_similarity_is_a_cosine_at_every_temperature(
    degrees: list[float], temperature: float
) -> None:
    vectors, query = np.float32(unit_vectors(*degrees)), np.float32(unit_vectors(0)[0])
    similarity = similarity_to_others(vectors, query, temperature)
    assert np.isfinite(similarity).all()
    assert np.abs(similarity).max() <= 1 + 1e-5


def test_the_features_of_the_retriever_are_cosines_and_similarities(
    tiny_base: Path, lists: list[Record]
) -> None:
    encoder, base = load_encoder(tiny_base), load_encoder(tiny_base)
    for weight in base.parameters():
        weight.data *= 1.5
    features = retriever_features(encoder, base, lists, 0.2)
    assert {list_features.shape[1] for list_features in features} == {len(FEATURES)}
    assert features[2][0] == pytest.approx(features[2][2])  # equal documents
    for ranked_list, list_features in zip(lists, features, strict=True):
        query, documents = encoder.encode(ranked_list["query"]), ranked_list["documents"]
        texts, titles = (encoder.encode([row[name] for row in documents]) for name in FIELDS)
        similarities = [similarity_to_others(vectors, query, 0.2) for vectors in (texts, titles)]
        by_base = base.encode(document_texts(ranked_list)) @ base.encode(ranked_list["query"])
        columns = [texts @ query, *similarities, titles @ query, by_base]
        assert list_features[:, :5] == pytest.approx(np.stack(columns, axis=1), abs=1e-5)


def test_the_features_of_a_list_are_bm25_rank_score_and_search() -> None:
    shown = [
        {"text": "tea in a cup", "rank": 3, "score": 2.0, "query_used": "Tea"},
        {"text": "rice", "rank": 1, "score": 0.0, "query_used": "hot drinks"},
    ]
    bm25, ranks, scores, searches = list_columns({"query": "tea", "documents": shown})
    assert bm25[0] > bm25[1] == 0
    assert ranks.tolist() == [-2, -1]  # minus log2(1 + rank)
    assert scores.tolist() == [1, -1]  # standardized
    assert searches.tolist() == [True, False]


def test_what_a_list_does_not_say_is_0_and_a_document_without_a_rank_is_the_last() -> None:
    silent = [{"text": "tea"}, {"text": "rice"}]
    for query in ("x", "?!"):  # the search is unknown, and not one for no words
        columns = list_columns({"query": query, "documents": silent})
        assert np.array(columns).tolist() == [[0, 0]] * 4
    assert shown_rank([{"rank": 1}, {"rank": None}]).tolist() == [-1, -np.log2(3)]
    assert engine_score([{"score": 1.0}, {"score": None}]).tolist() == [0, 0]
    assert engine_score([{"score": 0.1}] * 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_features_do_not_depend_on_the_order_of_summation(seed: int) -> None:
    # The order differs between processors; here the dimensions of the vectors are reversed.

    vectors = np.random.default_rng(seed).normal(size=(41, 384))
    vectors = np.float32(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def features(step: int) -> list[list[float]]:
        encoder: Any = SimpleNamespace(encode=lambda texts, **_: vectors[: len(texts), ::step])
        [list_features] = tuned_features(encoder, lists, 0.2)
        return list_features.tolist()

    documents = [{"text": f"text {row}", "title": f"title {row}"} for row in range(20)]
    lists = [{"query": "question", "documents": documents}]
    assert features(1) == features(-1)


def test_a_document_without_a_title_is_compared_by_its_text(
    tiny_base: Path, lists: list[Record]
) -> None:
    documents = lists[0]["documents"]
    untitled = lists[0] | {"documents": [row | {"title": ""} for row in documents]}
    repeated = lists[0] | {"documents": [row | {"title": row["text"]} for row in documents]}
    first, second = tuned_features(load_encoder(tiny_base), [untitled, repeated], 0.2)
    assert first.tolist() == second.tolist()


def test_the_untuned_retriever_reads_no_titles(lists: list[Record]) -> None:
    def encode(texts: list[str], **_: object) -> np.ndarray:
        read.extend(texts)
        return np.ones((len(texts), 2))

    read: list[str] = []
    base: Any = SimpleNamespace(encode=encode)
    untuned_features(base, lists)
    expected = {text for row in lists for text in (row["query"], *document_texts(row))}
    assert sorted(read) == sorted(expected)

"""No text is encoded twice, and no pair is scored twice."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from sentence_transformers import CrossEncoder, SentenceTransformer

from findtune.stack.caches import LogitCache, VectorCache


class CountingModel:
    """Encodes a text as its length, scores a pair by both lengths, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        self.given += texts
        return np.array([[len(text), 1.0] for text in texts])

    def predict(self, pairs: Sequence[tuple[str, str]], **_: Any) -> np.ndarray:
        self.given += pairs
        return np.array([len(left) + len(right) for left, right in pairs])


def test_a_text_is_encoded_once_and_vectors_come_in_the_order_asked() -> None:
    model = CountingModel()
    cache = VectorCache(cast(SentenceTransformer, model))
    cache.encode(["a", "bb", "a"])
    assert cache.encode(["bb", "ccc", "a"])[:, 0].tolist() == [2, 3, 1]
    assert model.given == ["a", "bb", "ccc"]


def test_only_the_vectors_of_the_corpus_outlast_a_query() -> None:
    model = CountingModel()
    cache = VectorCache(cast(SentenceTransformer, model))
    cache.keep(["document"])
    cache.encode(["query"])
    cache.forget()
    cache.encode(["document", "query"])
    assert model.given == ["document", "query", "query"]


def test_saved_vectors_are_kept_without_encoding() -> None:
    model = CountingModel()
    cache = VectorCache(cast(SentenceTransformer, model))
    cache.keep(["a", "b"], np.array([[5.0, 1.0], [6.0, 1.0]]))
    assert cache.encode(["b", "a"])[:, 0].tolist() == [6, 5]
    assert model.given == []


def test_a_pair_is_scored_once_until_it_is_forgotten() -> None:
    model = CountingModel()
    cache = LogitCache(cast(CrossEncoder, model))
    assert cache.predict([("q", "aa"), ("q", "b"), ("q", "aa")]).tolist() == [3, 2, 3]
    cache.predict([("q", "b")])
    assert model.given == [("q", "aa"), ("q", "b")]
    cache.forget()
    cache.predict([("q", "b")])
    assert len(model.given) == 3


def test_encoders_differ_in_their_fingerprint_if_they_read_fewer_tokens(tiny_base: Any) -> None:
    encoder = SentenceTransformer(str(tiny_base), device="cpu")
    first = VectorCache(encoder).fingerprint()
    assert VectorCache(SentenceTransformer(str(tiny_base), device="cpu")).fingerprint() == first
    encoder.max_seq_length = 3
    assert VectorCache(encoder).fingerprint() != first


def test_nothing_is_asked_of_a_model_for_no_texts() -> None:
    cache = VectorCache(cast(SentenceTransformer, SimpleNamespace()))
    assert len(cache.encode([])) == 0

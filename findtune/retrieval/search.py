"""Searching a corpus by words (BM25) or by vectors (a sentence encoder)."""

from collections.abc import Iterable, Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.retrieval.bm25 import BM25Index
from findtune.retrieval.corpus import Corpus

DEPTH = 100  # documents that one search returns
ENCODING_BATCH = 64

Ranking = list[str]  # URLs, best first


class BM25Search:
    """Search by BM25; repeated queries are answered from a cache."""

    def __init__(self, corpus: Corpus) -> None:
        self.urls, self.titles = list(corpus.texts), corpus.titles
        self.index = BM25Index(list(corpus.texts.values()))
        self.cache: dict[str, Ranking] = {}

    def search(self, queries: Iterable[str]) -> list[Ranking]:
        """Return the ranking of each query; documents that share no word with it are left out."""
        return [self.search_one(query) for query in queries]

    def search_one(self, query: str) -> Ranking:
        """Return the ranking of one query."""
        if query not in self.cache:
            positions = self.index.top_k(query, DEPTH)
            self.cache[query] = [self.urls[position] for position in positions]
        return self.cache[query]


class DenseSearch:
    """Search by the cosine of a sentence encoder's vectors."""

    def __init__(self, corpus: Corpus, encoder: SentenceTransformer) -> None:
        self.urls, self.encoder = np.array(list(corpus.texts), dtype=object), encoder
        self.titles, self.vectors = corpus.titles, self.encode(list(corpus.texts.values()))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors, (texts, dimensions)."""
        return self.encoder.encode(
            list(texts),
            batch_size=ENCODING_BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
        )

    def search(self, queries: Iterable[str]) -> list[Ranking]:
        """Return the ranking of each query."""
        queries = list(queries)
        if not queries:
            return []
        scores = self.encode(queries) @ self.vectors.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        return [list(urls) for urls in self.urls[order]]

"""Searching a pool of sources, by words or by vectors, and fusing what several searches find."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.bm25 import Index
from findtune.files import read_lines

DEPTH = 100  # sources that one search brings
TEXTS_AT_ONCE = 64

Ranking = list[str]  # URLs, the best first


def read_pool(path: Path) -> dict[str, str]:
    """Return what is searched of each source in a file, URL -> its title and its text."""
    return {
        it["url"]: ". ".join(filter(None, (it["title"].rstrip(" ."), it["text"])))
        for it in read_lines(path)
    }


class ByWords:
    """Search by BM25; a query that was searched before is not searched again."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """sources: URL -> text."""
        self.urls = list(sources)
        self.index = Index(list(sources.values()))
        self.known: dict[str, Ranking] = {}

    def found(self, queries: Iterable[str]) -> list[Ranking]:
        """Return what each query brings; sources that share no word with it are left out."""
        return [self.one(query) for query in queries]

    def one(self, query: str) -> Ranking:
        if query not in self.known:
            self.known[query] = [self.urls[at] for at in self.index.best(query, DEPTH)]
        return self.known[query]


class ByVectors:
    """Search by the cosine of a sentence encoder's vectors."""

    def __init__(self, sources: Mapping[str, str], encoder: SentenceTransformer) -> None:
        """sources: URL -> text."""
        self.urls, self.encoder = np.array(list(sources), dtype=object), encoder
        self.vectors = self.read(list(sources.values()))

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors, (texts, dimensions)."""
        return self.encoder.encode(
            list(texts),
            batch_size=TEXTS_AT_ONCE,
            normalize_embeddings=True,
            show_progress_bar=False,
        )

    def found(self, queries: Iterable[str]) -> list[Ranking]:
        """Return what each query brings."""
        queries = list(queries)
        if not queries:
            return []
        scores = self.read(queries) @ self.vectors.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        return [list(its) for its in self.urls[order]]


def fused(rankings: Sequence[Ranking], constant: float, first: float = 1.0) -> Ranking:
    """Return several rankings as one, each source by the sum of 1 / (constant + rank).

    first: how much the first ranking counts, where every other one counts 1. Of equal sums the
    source that an earlier ranking brings is first. Source: reciprocal rank fusion (Cormack, Clarke
    & Buettcher, SIGIR 2009), where the constant is 60.
    """
    shares: dict[str, list[float]] = defaultdict(list)
    for place, ranking in enumerate(rankings):
        weight = first if place == 0 else 1.0
        for rank, url in enumerate(ranking, start=1):
            shares[url].append(weight / (constant + rank))
    # fsum: the order of the searches must not decide between equal sums
    return sorted(shares, key=lambda url: -fsum(shares[url]))

"""Searching a pool of sources, by words or by vectors, and fusing what several searches find."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.bm25 import Index
from findtune.files import read_lines

DEPTH = 100  # sources that one search brings
TEXTS_AT_ONCE = 64

Ranking = list[str]  # URLs, the best first


@dataclass(frozen=True)
class Pool:
    """Sources that can be searched: URL -> the text that is searched, and URL -> the title."""

    texts: Mapping[str, str]
    titles: Mapping[str, str]


def read_pool(path: Path) -> Pool:
    """Return the sources in a file; their titles are searched with their texts."""
    texts, titles = {}, {}
    for it in read_lines(path):
        titles[it["url"]] = it["title"]
        texts[it["url"]] = ". ".join(filter(None, (it["title"].rstrip(" ."), it["text"])))
    return Pool(texts, titles)


class ByWords:
    """Search by BM25; a query that was searched before is not searched again."""

    def __init__(self, pool: Pool) -> None:
        self.urls, self.titles = list(pool.texts), pool.titles
        self.index = Index(list(pool.texts.values()))
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

    def __init__(self, pool: Pool, encoder: SentenceTransformer) -> None:
        self.urls, self.encoder = np.array(list(pool.texts), dtype=object), encoder
        self.titles, self.vectors = pool.titles, self.read(list(pool.texts.values()))

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

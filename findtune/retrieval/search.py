"""Searching a corpus by words (BM25), by vectors (a sentence encoder), or by both."""

import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.retrieval.bm25 import BM25Index
from findtune.retrieval.corpus import Corpus
from findtune.retrieval.encoder import load_encoder
from findtune.retrieval.encoding import encode_texts
from findtune.retrieval.fusion import reciprocal_rank_fusion
from findtune.retrieval.kinds import Ranking, Retriever
from findtune.retrieval.nearest import neighbours, read_neighbours, refuse_without_faiss

DEPTH = 100  # documents that one search returns
MANY_TEXTS = 5000  # encoding more may take minutes, so a progress bar is shown
SCORING_BATCH = 256  # queries scored against all documents at once
HYBRID_RANK_CONSTANT = 60  # as in the paper of reciprocal rank fusion


class BM25Search:
    """Search by BM25; repeated queries are answered from a cache."""

    def __init__(self, corpus: Corpus, index: BM25Index | None = None) -> None:
        self.urls, self.titles = list(corpus.texts), corpus.titles
        self.index = index or BM25Index(list(corpus.texts.values()))
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
    """Search by the cosine of a sentence encoder's vectors.

    The corpus is encoded once. Repeated queries are answered from a cache, and new ones are encoded
    together, so callers with many queries should give them all in one call.
    """

    def __init__(
        self, corpus: Corpus, encoder: SentenceTransformer, inverted_file: Path | None = None
    ) -> None:
        """inverted_file: its path, if one was saved; see `findtune.retrieval.nearest`."""
        refuse_without_faiss(len(corpus.texts))
        self.urls, self.encoder = np.array(list(corpus.texts), dtype=object), encoder
        self.titles, vectors = corpus.titles, self.encode(list(corpus.texts.values()))
        self.neighbours = (
            read_neighbours(vectors, inverted_file) if inverted_file else neighbours(vectors)
        )
        self.cache: dict[str, Ranking] = {}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors, (texts, dimensions)."""
        progress = len(texts) > MANY_TEXTS and sys.stderr.isatty()
        return encode_texts(self.encoder, texts, progress=progress)

    def search(self, queries: Iterable[str]) -> list[Ranking]:
        """Return the ranking of each query."""
        queries = list(queries)
        new = [query for query in dict.fromkeys(queries) if query not in self.cache]
        vectors = self.encode(new) if new else np.empty((0, 0))
        for start in range(0, len(new), SCORING_BATCH):
            stop = start + SCORING_BATCH
            nearest = self.neighbours.nearest(vectors[start:stop], DEPTH)
            rankings = [list(self.urls[positions]) for positions in nearest]
            self.cache.update(zip(new[start:stop], rankings, strict=True))
        return [self.cache[query] for query in queries]


class HybridSearch:
    """Search by words and by vectors; the two rankings of a query are fused.

    Source: reciprocal rank fusion (Cormack, Clarke & Buettcher, SIGIR 2009).
    """

    def __init__(self, bm25: BM25Search, dense: DenseSearch) -> None:
        self.bm25, self.dense, self.titles = bm25, dense, bm25.titles
        self.cache: dict[str, Ranking] = {}

    def search(self, queries: Iterable[str]) -> list[Ranking]:
        """Return the fused ranking of each query; repeated queries are answered from a cache."""
        queries = list(queries)
        new = [query for query in dict.fromkeys(queries) if query not in self.cache]
        both = (self.bm25.search(new), self.dense.search(new))
        for query, *rankings in zip(new, *both, strict=True):
            ranking = reciprocal_rank_fusion(rankings, HYBRID_RANK_CONSTANT)
            self.cache[query] = ranking[:DEPTH]
        return [self.cache[query] for query in queries]


Search = BM25Search | DenseSearch | HybridSearch


class Searches:
    """The ways to search one corpus; each is built at its first use.

    encoder: the folder of the sentence encoder. Only dense and hybrid search load it; they raise
    UnsafeModelError when the folder holds a pickle, code or a broken file.
    """

    def __init__(self, corpus: Corpus, encoder: Path) -> None:
        self.corpus, self.encoder = corpus, encoder

    @cached_property
    def bm25(self) -> BM25Search:
        """Search by words."""
        return BM25Search(self.corpus)

    @cached_property
    def dense(self) -> DenseSearch:
        """Search by vectors."""
        return DenseSearch(self.corpus, load_encoder(self.encoder))

    @cached_property
    def hybrid(self) -> HybridSearch:
        """Search by both."""
        return HybridSearch(self.bm25, self.dense)

    def by_name(self, retriever: Retriever) -> Search:
        """Return one way to search."""
        search: Search = getattr(self, retriever)
        return search


OPENED: dict[tuple[str, Path], Searches] = {}  # only the last one, to save memory


def open_searches(corpus: Corpus, encoder: Path) -> Searches:
    """Return the ways to search a corpus; those of the last corpus are reused.

    So a training and its evaluation share one index. encoder: as for `Searches`.
    """
    key = (corpus.digest(), encoder)
    if key not in OPENED:
        OPENED.clear()
        OPENED[key] = Searches(corpus, encoder)
    return OPENED[key]

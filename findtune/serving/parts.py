"""The served models: a few methods, each of which computes one request.

Only one thread at a time calls them, and they keep nothing of what they have read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.retrieval.encoding import encode_texts
from findtune.retrieval.kinds import Ranking
from findtune.retrieval.search import Search
from findtune.rewriter.model.rewriter import Rewriter
from findtune.stack.corpus_file import as_corpus
from findtune.stack.index import Index
from findtune.stack.pipeline import SearchResult, Stack
from findtune.stack.query_writer import QueryWriter
from findtune.stack.scorers import (
    CosineScorer,
    CrossEncoderScorer,
    RerankerScorer,
    Scorer,
    candidate_list,
)
from findtune.stack.settings import without_rewrites

FIRST = 10  # top documents of a query's ranking that count as found by the query

Array = np.ndarray


@dataclass(frozen=True)
class ServedEmbedder:
    """A sentence encoder. content_hash: the hash of its files."""

    content_hash: str
    encoder: SentenceTransformer

    @property
    def max_tokens(self) -> int:
        """The most tokens that it reads of a text."""
        return int(self.encoder.max_seq_length or 0)

    @property
    def dimensions(self) -> int:
        """Dimensions of a vector."""
        return int(self.encoder.get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> list[tuple[Array, int]]:
        """Return each text's unit vector, (dimensions,), fp32, and the tokens that were read."""
        vectors = encode_texts(self.encoder, texts)
        counts = count_tokens(self.encoder.tokenizer, texts, self.max_tokens)
        return list(zip(vectors, counts, strict=True))


@dataclass(frozen=True)
class ServedReranker:
    """A scorer of documents."""

    content_hash: str
    scorer: Scorer

    @property
    def max_tokens(self) -> int:
        """The most tokens that it reads of a query and a document."""
        return int(model_of(self.scorer).max_seq_length or 0)

    def rerank(
        self, query: str, documents: Sequence[Mapping[str, str]]
    ) -> tuple[Array, Array, int]:
        """Return scores and relevance, (documents,) each, and the tokens of all texts.

        documents: {"title", "text"}. Relevance is in [0, 1]: calibrated if the reranker was tuned,
        else the sigmoid of a logit, or a cosine with negative values set to 0.
        """
        rows = [{**row, "url": f"{number}"} for number, row in enumerate(documents)]
        corpus = as_corpus(rows)
        try:
            [scores] = self.scorer.scores([candidate_list(query, list(corpus.texts), corpus)])
        finally:
            self.scorer.forget()
        relevance = self.scorer.relevance(scores)
        if relevance is None:
            relevance = uncalibrated(self.scorer, scores)
        model = model_of(self.scorer)
        counts = count_tokens(model.tokenizer, [query, *corpus.texts.values()], self.max_tokens)
        return scores, relevance, sum(counts)


def model_of(scorer: Scorer) -> Any:
    """Return the model that has the tokenizer and the maximum length of a scorer."""
    if isinstance(scorer, CrossEncoderScorer):
        return scorer.logits.model
    if isinstance(scorer, RerankerScorer):
        return scorer.retriever.encoder
    return cast(CosineScorer, scorer).encoder.encoder


def uncalibrated(scorer: Scorer, scores: Array) -> Array:
    """Map the scores of an untuned scorer to [0, 1] without changing their order."""
    if isinstance(scorer, CrossEncoderScorer):
        return 1 / (1 + np.exp(-scores.astype(np.float64)))
    cosines: Array = np.clip(scores, 0, 1)
    return cosines


def count_tokens(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> list[int]:
    """Return the number of tokens that are read of each text."""
    encoded = tokenizer(list(texts), truncation=True, max_length=max_tokens or None)
    return [len(tokens) for tokens in encoded["input_ids"]]


@dataclass(frozen=True)
class ServedRewriter:
    """A language model that rewrites questions. seed: the default for requests without one."""

    content_hash: str
    rewriter: Rewriter
    seed: int

    @property
    def max_tokens(self) -> int:
        """The most tokens that it reads of a question."""
        return self.rewriter.settings.max_input_tokens

    def rewrite(
        self, query: str, number: int | None, seed: int | None, history: Sequence[str]
    ) -> list[str]:
        """Return the usable rewrites of a question; there may be fewer than asked for.

        number: None for as many rewrites as the pipeline searches.
        """
        seed = self.seed if seed is None else seed
        if number is None:
            return self.rewriter.rewrites([query], seed, [history])[0]
        samples = self.rewriter.sample([query], seed, [history])
        return self.rewriter.usable([query], samples, [history])[0][:number]


@dataclass(frozen=True)
class ServedSearch:
    """A stack and the corpus that it searches."""

    content_hash: str
    stack: Stack
    index: Index

    @cached_property
    def corpus_hash(self) -> str:
        """The hash of the documents; slow for a large corpus, so computed once."""
        return self.index.corpus.digest()

    @property
    def document_count(self) -> int:
        """The number of documents."""
        return len(self.index.documents)

    @property
    def pipeline(self) -> dict[str, str]:
        """The queries, the retriever and the reranker of the stack."""
        return {**self.stack.cell._asdict()}

    def search(
        self, query: str, top_k: int, history: Sequence[str], *, rewrite: bool
    ) -> tuple[SearchResult, dict[str, list[str]]]:
        """Return the best documents, and the queries that found each: URL -> queries.

        If rewrite is false, only the question is searched.
        """
        stack = self.stack
        if not rewrite:
            stack = replace(stack, writer=QueryWriter(without_rewrites(None)))
        notes = NotedSearch(self.index.search)
        index = replace(self.index, search=cast(Search, notes))
        result = stack.search(query, index, top_k, history)
        urls = [hit.url for hit in result.documents]
        return result, {url: notes.queries_of(url, result.queries) for url in urls}


class NotedSearch:
    """Wraps a search of a corpus and keeps the ranking of each query."""

    def __init__(self, search: Search) -> None:
        self.wrapped, self.titles, self.cache = search, search.titles, search.cache
        self.rankings: dict[str, Ranking] = {}

    def search(self, queries: Iterable[str]) -> list[Ranking]:
        """Return the ranking of each query."""
        queries = list(queries)
        rankings = self.wrapped.search(queries)
        self.rankings |= zip(queries, rankings, strict=True)
        return rankings

    def queries_of(self, url: str, queries: Sequence[str]) -> list[str]:
        """Return the queries with a document in their top FIRST, else the one that ranked it best.

        The list is empty for a document that no query retrieved.
        """
        ranks = {
            query: self.rankings[query].index(url)
            for query in queries
            if url in self.rankings.get(query, ())
        }
        first = [query for query, rank in ranks.items() if rank < FIRST]
        return first or sorted(ranks, key=ranks.__getitem__)[:1]

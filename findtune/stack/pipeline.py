"""A stack that ships: the models of one cell, with which it searches a corpus.

from findtune.stack.pipeline import load

stack = load("models/stack/small")
result = stack.search("how many people can't read in nepal?", "documents.jsonl")
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from findtune.core.errors import InputError
from findtune.retrieval.kinds import Ranking
from findtune.stack.cells import Cell
from findtune.stack.corpus_file import as_corpus, given_documents, read_documents
from findtune.stack.index import (
    Encoders,
    Index,
    build_index,
    open_index,
    refuse_other_corpus,
    save_index,
)
from findtune.stack.query_writer import QueryWriter
from findtune.stack.scorers import Scorer, candidate_list, reorder

__all__ = ["Hit", "Index", "SearchResult", "Stack"]

Array = np.ndarray
Documents = Index | Path | str | Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Hit:
    """A document that was found.

    retrieved_rank: its rank before reranking, from 1. score: the reranker's. relevance: the
    calibrated probability of a pick, in [0, 1]. Both are None for a document that no reranker read;
    relevance is also None if the reranker was not tuned.
    """

    url: str
    title: str
    text: str
    rank: int
    retrieved_rank: int
    score: float | None
    relevance: float | None


@dataclass(frozen=True)
class SearchResult:
    """The documents of a search, and what each part of the pipeline did.

    queries: the searched texts, the question first; candidates: the retrieved URLs, best first;
    seconds: the time of each part.
    """

    documents: list[Hit]
    queries: list[str]
    candidates: list[str]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Stack:
    """A pipeline: it writes queries, retrieves documents, and may rerank the top ones.

    encoders: name of a part -> the encoder with which it reads documents; rerank_depth: top
    documents that the scorer reads; seed: for sampling rewrites.
    """

    cell: Cell
    writer: QueryWriter
    scorer: Scorer | None
    encoders: Encoders
    rerank_depth: int
    seed: int

    def index(self, documents: Documents, folder: Path | None = None) -> Index:
        """Return the index of a corpus, which can be passed to `search` many times.

        documents: a JSONL file, or dictionaries, with url, title and text. folder: where the index
        is saved; if it exists, it is opened instead. Raises InputError if the corpus can't be read,
        or if the folder has changed or was made from other documents or with other models.
        """
        if isinstance(documents, Index):
            return documents
        is_file = isinstance(documents, (str, Path))
        rows = read_documents(Path(documents)) if is_file else given_documents(documents)  # type: ignore[arg-type]
        if folder is not None and folder.exists():
            index = open_index(folder, self.encoders, self.cell.retriever)
            refuse_other_corpus(folder, as_corpus(rows))
            return index
        index = build_index(rows, self.encoders, self.cell.retriever)
        if folder is not None:
            save_index(index, self.encoders, folder)
        self.forget()
        return index

    def search(
        self, question: str, corpus: Documents, top_k: int = 10, history: Sequence[str] = ()
    ) -> SearchResult:
        """Return the best documents for a question, and what each part of the pipeline did.

        corpus: an index; or a JSONL file, whose index is kept beside it in FILE.index; or
        dictionaries, which each call indexes again. history: the earlier questions of the session,
        oldest first. Raises InputError if the question is blank or top_k is below 1, and as `index`
        does.
        """
        refuse_empty(question, top_k)
        folder = Path(f"{corpus}.index") if isinstance(corpus, (str, Path)) else None
        index = self.index(corpus, folder)
        start = perf_counter()
        rewrites = self.writer.rewrites([question], self.seed, [list(history)])
        rewritten = perf_counter()
        [queries] = self.writer.queries([question], rewrites, index.search)
        [ranking] = self.writer.rankings([queries], index.search)
        retrieved = perf_counter()
        scores = self.scores(question, ranking, index)
        seconds = {
            "rewrite": rewritten - start,
            "retrieve": retrieved - rewritten,
            "rerank": perf_counter() - retrieved,
        }
        self.forget()
        index.search.cache.clear()
        return SearchResult(self.hits(ranking, scores, index)[:top_k], queries, ranking, seconds)

    def scores(self, question: str, ranking: Ranking, index: Index) -> Array:
        """Return the reranker's scores of the top documents; empty without a reranker."""
        if self.scorer is None:
            return np.zeros(0)
        first = candidate_list(question, ranking[: self.rerank_depth], index.corpus)
        return self.scorer.scores([first])[0]

    def hits(self, ranking: Ranking, scores: Array, index: Index) -> list[Hit]:
        """Return the documents in their final order; scores: of the top documents of ranking."""
        relevance = self.scorer.relevance(scores) if self.scorer else None
        score_of = dict(zip(ranking, scores.tolist(), strict=False))
        relevance_of = (
            {} if relevance is None else dict(zip(ranking, relevance.tolist(), strict=False))
        )
        retrieved_ranks = {url: rank for rank, url in enumerate(ranking, start=1)}
        return [
            Hit(
                **index.documents[url],
                rank=rank,
                retrieved_rank=retrieved_ranks[url],
                score=score_of.get(url),
                relevance=relevance_of.get(url),
            )
            for rank, url in enumerate(reorder(ranking, scores), start=1)
        ]

    def forget(self) -> None:
        """Forget what was computed for queries, so that a service's memory does not grow."""
        for encoder in self.encoders.values():
            encoder.cache.forget()
        if self.scorer:
            self.scorer.forget()


def refuse_empty(question: str, top_k: int) -> None:
    """Raise InputError for a search that could show nothing."""
    if not question.strip():
        raise InputError("the question is blank; it needs a word to search for.")
    if top_k < 1:
        raise InputError(f"top_k is {top_k}; ask for 1 document or more.")

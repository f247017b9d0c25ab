"""Ranks some questions by many cells, and computes what the cells share only once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from sentence_transformers import SentenceTransformer

from findtune.retrieval.corpus import Corpus
from findtune.retrieval.kinds import Ranking
from findtune.retrieval.nearest import refuse_without_faiss
from findtune.retrieval.search import BM25Search, DenseSearch, HybridSearch, Search
from findtune.stack.cells import Cell, Queries, Retriever
from findtune.stack.held_out import Question
from findtune.stack.parts import Level, Parts
from findtune.stack.scorers import candidate_list, reorder

Rankings = dict[Cell, list[Ranking]]  # one ranking for each question
Say = Callable[[str], None]


@dataclass
class Grid:
    """The cells over one corpus.

    rerank_depth: top documents that a reranker reads; seed: for sampling rewrites. Each rewriter
    samples once per question, and each model reads a text or pair once.
    """

    parts: Parts
    corpus: Corpus
    rerank_depth: int
    seed: int
    say: Say

    def __post_init__(self) -> None:
        self.bm25 = BM25Search(self.corpus)
        self.dense: dict[Level, DenseSearch] = {}
        self.written: dict[tuple[int, str], list[list[str]]] = {}  # key: writer and questions

    def search_by(self, retriever: Retriever) -> Search:
        """Return the search of a retriever; each embedder encodes the corpus once."""
        if retriever == "bm25":
            return self.bm25
        level: Level = "tuned" if "tuned" in retriever else "base"
        if level not in self.dense:
            self.say(f"encoding {len(self.corpus.texts)} documents with the {level} embedder")
            refuse_without_faiss(len(self.corpus.texts))
            encoder = self.parts.encoder(level)
            encoder.keep(list(self.corpus.texts.values()))
            self.dense[level] = DenseSearch(self.corpus, cast(SentenceTransformer, encoder))
        dense = self.dense[level]
        return HybridSearch(self.bm25, dense) if "bm25" in retriever else dense

    def rankings(
        self, cells: Iterable[Cell], questions: Sequence[Question], *, on_dev: bool = False
    ) -> Rankings:
        """Return the rankings of some cells; on_dev: use models that have not learned dev."""
        cells = list(cells)
        retrieved: Rankings = {}
        for queries in dict.fromkeys(cell.queries for cell in cells):
            rewrites = self.rewrites(queries, questions)
            for retriever in dict.fromkeys(c.retriever for c in cells if c.queries == queries):
                cell = Cell(queries, retriever, "none")
                retrieved[cell] = self.retrieve(cell, questions, rewrites)
        return self.rerank(retrieved, cells, questions, on_dev=on_dev)

    def rewrites(self, queries: Queries, questions: Sequence[Question]) -> list[list[str]]:
        """Return the rewrites of each question; base and tuned may share one writer."""
        writer = self.parts.writer(queries)
        texts = [question.query for question in questions]
        histories = [question.history for question in questions]
        key = (id(writer), repr((texts, histories)))
        if key not in self.written:
            if writer.rewriter is not None:
                self.say(f"rewriting {len(questions)} questions with the {queries} rewriter")
            self.written[key] = writer.rewrites(texts, self.seed, histories)
        return self.written[key]

    def retrieve(
        self, cell: Cell, questions: Sequence[Question], rewrites: Sequence[Sequence[str]]
    ) -> list[Ranking]:
        """Return the ranking of each question before reranking."""
        writer, search = self.parts.writer(cell.queries), self.search_by(cell.retriever)
        texts = [question.query for question in questions]
        return writer.rankings(writer.queries(texts, rewrites, search), search)

    def rerank(
        self,
        retrieved: Rankings,
        cells: Sequence[Cell],
        questions: Sequence[Question],
        *,
        on_dev: bool,
    ) -> Rankings:
        """Return the rankings of all cells; a reranker scores the lists of its cells together."""
        rankings = {cell: retrieved[cell] for cell in cells if cell.reranker == "none"}
        for reranker in dict.fromkeys(cell.reranker for cell in cells if cell.reranker != "none"):
            ours = [cell for cell in cells if cell.reranker == reranker]
            before = [
                (question.query, ranking)
                for cell in ours
                for question, ranking in zip(
                    questions, retrieved[cell._replace(reranker="none")], strict=True
                )
            ]
            lists = [
                candidate_list(query, ranking[: self.rerank_depth], self.corpus)
                for query, ranking in before
            ]
            self.say(f"reading {len(lists)} rankings with the {reranker} reranker")
            scorer = (self.parts.dev_scorer if on_dev else self.parts.scorer)(reranker)
            assert scorer is not None  # since the reranker is not "none"
            rows = zip(before, scorer.scores(lists), strict=True)
            after = iter([reorder(ranking, scores) for (_, ranking), scores in rows])
            rankings |= {cell: [next(after) for _ in questions] for cell in ours}
        return {cell: rankings[cell] for cell in cells}

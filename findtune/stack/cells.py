"""The cells of the grid: which queries are searched, by which retriever and reranker."""

from collections.abc import Container, Iterable, Sequence
from itertools import product
from typing import Literal, NamedTuple

Queries = Literal["question", "prf", "base", "tuned"]
Retriever = Literal["bm25", "base", "tuned", "bm25+base", "bm25+tuned"]
Reranker = Literal["none", "base", "tuned"]

# Simplest first.
QUERIES: tuple[Queries, ...] = ("question", "prf", "base", "tuned")
RETRIEVERS: tuple[Retriever, ...] = ("bm25", "base", "tuned", "bm25+base", "bm25+tuned")
RERANKERS: tuple[Reranker, ...] = ("none", "base", "tuned")
ROOMS = ("rewriter", "embedder", "reranker")  # in the order of Cell's fields
# Each retriever with the tuned embedder in it; BM25 is kept where it was used.
TUNED_RETRIEVER: dict[Retriever, Retriever] = {
    "bm25": "bm25+tuned",
    "base": "tuned",
    "tuned": "tuned",
    "bm25+base": "bm25+tuned",
    "bm25+tuned": "bm25+tuned",
}


class Cell(NamedTuple):
    """One pipeline.

    queries: the question alone, with the titles of its top documents (prf), or with rewrites by
    the base or the tuned rewriter. retriever: BM25, the base or the tuned embedder, or BM25 fused
    with either. reranker: what reorders the top documents.
    """

    queries: Queries
    retriever: Retriever
    reranker: Reranker

    @property
    def name(self) -> str:
        """The name in tables, such as question|bm25|none."""
        return "|".join(self)

    @property
    def tuned_rooms(self) -> list[str]:
        """The rooms whose tuned models this pipeline uses."""
        return [room for room, part in zip(ROOMS, self, strict=True) if "tuned" in part]

    @property
    def simplicity(self) -> tuple[int, int, int]:
        """A sort key, smallest for the simplest; a rewriter weighs most, then a reranker."""
        return (
            QUERIES.index(self.queries),
            RERANKERS.index(self.reranker),
            RETRIEVERS.index(self.retriever),
        )

    def cost(self, cross_encoders: Container[Reranker]) -> tuple[int, int, int]:
        """Return a sort key, smallest for the cheapest query; a tuned model costs like its base.

        cross_encoders: the rerankers that read documents for each question. The others encode the
        question and compare vectors that the index has, as a retriever does.
        """
        return (
            min(QUERIES.index(self.queries), QUERIES.index("base")),
            int(self.reranker in cross_encoders),
            int(self.encodes_questions) + (self.retriever in ("bm25+base", "bm25+tuned")),
        )

    @property
    def encodes_questions(self) -> bool:
        """Whether the retriever or the reranker reads each question."""
        return self.retriever != "bm25" or self.reranker != "none"

    @property
    def encoder(self) -> Literal["base", "tuned"] | None:
        """The embedder that the retriever uses; None for BM25 alone."""
        if self.retriever == "bm25":
            return None
        return "tuned" if "tuned" in self.retriever else "base"

    def with_tuned(self, rooms: Iterable[str]) -> "Cell":
        """Return this pipeline with the tuned models of some rooms."""
        changed = {*rooms}
        return Cell(
            "tuned" if "rewriter" in changed else self.queries,
            TUNED_RETRIEVER[self.retriever] if "embedder" in changed else self.retriever,
            "tuned" if "reranker" in changed else self.reranker,
        )


def all_cells(models: Sequence[str]) -> list[Cell]:
    """Return the cells that can be made of some rooms' models, the simplest first.

    The embedder's base always exists, since the other rooms use it.
    """
    cells = map(Cell._make, product(QUERIES, RETRIEVERS, RERANKERS))
    absent = {*ROOMS} - {*models}
    return sorted(
        (cell for cell in cells if not uses_any(cell, absent)), key=lambda cell: cell.simplicity
    )


def uses_any(cell: Cell, rooms: Iterable[str]) -> bool:
    """Return whether a cell uses a model of some rooms."""
    used = {
        "rewriter": cell.queries in ("base", "tuned"),
        "embedder": "tuned" in cell.retriever,
        "reranker": cell.reranker != "none",
    }
    return any(used[room] for room in rooms)

"""Writes the queries of a question: itself, its rewrites, and titles of its top documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from findtune.retrieval.fusion import reciprocal_rank_fusion
from findtune.retrieval.kinds import Ranking
from findtune.retrieval.search import Search
from findtune.rewriter.model.queries import build_queries, feedback_titles
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.settings import RewriterSettings


@dataclass(frozen=True)
class QueryWriter:
    """One way to turn a question into queries; without a rewriter nothing is sampled."""

    settings: RewriterSettings
    rewriter: Rewriter | None = None

    def rewrites(
        self, questions: Sequence[str], seed: int, histories: Sequence[Sequence[str]]
    ) -> list[list[str]]:
        """Return the rewrites of each question, none without a rewriter."""
        if self.rewriter is None:
            return [[] for _ in questions]
        return self.rewriter.rewrites(questions, seed, histories)

    def queries(
        self, questions: Sequence[str], rewrites: Sequence[Sequence[str]], search: Search
    ) -> list[list[str]]:
        """Return the queries of each question, the question first.

        search: finds the documents whose titles become queries.
        """
        titles = [
            feedback_titles(search, top, self.settings.fb_docs) for top in search.search(questions)
        ]
        rows = zip(questions, rewrites, titles, strict=True)
        return [
            build_queries(question, texts, self.settings, more) for question, texts, more in rows
        ]

    def rankings(self, queries: Sequence[Sequence[str]], search: Search) -> list[Ranking]:
        """Return the fused ranking of each question's queries; all are searched together."""
        rankings = iter(search.search(query for texts in queries for query in texts))
        return [
            reciprocal_rank_fusion(
                list(islice(rankings, len(texts))),
                self.settings.rank_constant,
                self.settings.original_query_weight,
            )
            for texts in queries
        ]

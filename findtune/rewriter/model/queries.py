"""Searching with a question, its rewrites, and the titles of its top documents."""

from collections.abc import Iterable, Sequence
from itertools import islice

from findtune.retrieval.fusion import reciprocal_rank_fusion
from findtune.retrieval.kinds import Ranking
from findtune.retrieval.search import Search
from findtune.rewriter.model.settings import RewriterSettings


def build_queries(
    question: str,
    rewrites: Iterable[str],
    settings: RewriterSettings,
    titles: Iterable[str] = (),
) -> list[str]:
    """Return the queries of one question: the question itself, each rewrite, and each title.

    A rewrite may follow the question's own words, so that it only adds words, and a model that
    knows little about a field drifts less. The question may be repeated, because the rewrite is
    often longer. Source: query2doc (Wang, Yang & Wei, EMNLP 2023).
    """
    repeated = [question] * settings.query_repeats
    return [question, *(" ".join([*repeated, rewrite]) for rewrite in rewrites), *titles]


def search_with_rewrites(
    search: Search,
    question: str,
    rewrites: Iterable[str],
    settings: RewriterSettings,
) -> Ranking:
    """Return the fused ranking of a question, its rewrites and its feedback titles.

    The titles of the question's top documents are pseudo-relevance feedback: they are worded like
    the other documents that answer it. Source: Lavrenko & Croft, SIGIR 2001.
    """
    return search_many_with_rewrites(search, [question], [[*rewrites]], settings)[0]


def search_many_with_rewrites(
    search: Search,
    questions: Sequence[str],
    rewrites: Sequence[Sequence[str]],
    settings: RewriterSettings,
) -> list[Ranking]:
    """Return the fused ranking of each question; all queries are encoded together."""
    titles = [feedback_titles(search, top, settings.fb_docs) for top in search.search(questions)]
    rows = zip(questions, rewrites, titles, strict=True)
    queries = [build_queries(question, texts, settings, more) for question, texts, more in rows]
    rankings = iter(search.search(query for texts in queries for query in texts))
    return [
        reciprocal_rank_fusion(
            list(islice(rankings, len(texts))),
            settings.rank_constant,
            settings.original_query_weight,
        )
        for texts in queries
    ]


def feedback_titles(search: Search, ranking: Ranking, fb_docs: int) -> list[str]:
    """Return the titles of the first fb_docs documents of a ranking, skipping those without one."""
    return [search.titles[url] for url in ranking[:fb_docs] if search.titles[url]]

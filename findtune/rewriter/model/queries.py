"""Searching with a question, its rewrites, and the titles of what it finds first."""

from collections.abc import Iterable

from findtune.retrieval.fusion import reciprocal_rank_fusion
from findtune.retrieval.search import BM25Search, DenseSearch, Ranking
from findtune.rewriter.model.settings import RewriterSettings


def build_queries(
    question: str,
    rewrites: Iterable[str],
    settings: RewriterSettings,
    titles: Iterable[str] = (),
) -> list[str]:
    """Return the queries of one question: the question itself, each rewrite, and each title.

    A rewrite may follow the question's own words. Then it adds words and removes none, and a model
    that knows little of a field drifts less. The question may be repeated, because the rewrite is
    often longer. Source: query2doc (Wang, Yang & Wei, EMNLP 2023).
    """
    repeated = [question] * settings.query_repeats
    return [question, *(" ".join([*repeated, rewrite]) for rewrite in rewrites), *titles]


def search_with_rewrites(
    search: BM25Search | DenseSearch,
    question: str,
    rewrites: Iterable[str],
    settings: RewriterSettings,
) -> Ranking:
    """Return the fused ranking of a question, its rewrites and its feedback titles.

    The titles of the question's top documents are pseudo-relevance feedback: they are worded like
    the other documents that answer it. Source: Lavrenko & Croft, SIGIR 2001.
    """
    titles: list[str] = []
    if settings.fb_docs:
        [ranking] = search.search([question])
        titles = [search.titles[url] for url in ranking[: settings.fb_docs] if search.titles[url]]
    rankings = search.search(build_queries(question, rewrites, settings, titles))
    return reciprocal_rank_fusion(rankings, settings.rank_constant, settings.original_query_weight)

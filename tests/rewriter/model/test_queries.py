"""What is searched beside a question, and how the rankings are fused."""

from typing import Any
from unittest.mock import Mock

import pytest

from findtune.retrieval.corpus import Corpus
from findtune.retrieval.search import BM25Search
from findtune.rewriter.model.queries import (
    build_queries,
    search_many_with_rewrites,
    search_with_rewrites,
)


@pytest.mark.parametrize(("repeats", "prefix"), [(0, ""), (1, "rice "), (2, "rice rice ")])
def test_a_rewrite_is_searched_alone_or_after_the_question(
    make_settings: Any, repeats: int, prefix: str
) -> None:
    queries = build_queries("rice", ["grain"], make_settings(query_repeats=repeats), ["Valley"])
    assert queries == ["rice", f"{prefix}grain", "Valley"]


def test_titles_of_the_top_documents_are_searched_too(make_settings: Any) -> None:
    texts = {"a": "rice of the valley", "b": "rice", "c": "valley floods"}
    search = BM25Search(Corpus(texts, {"a": "Valley", "b": "", "c": "Floods"}))

    def fuse(query: str, fb_docs: int) -> list[str]:
        return search_with_rewrites(search, query, [], make_settings(fb_docs=fb_docs))

    assert fuse("rice", 0) == fuse("rice", 1) == ["b", "a"]  # b has no title
    assert set(fuse("rice", 2)) == {"a", "b", "c"}
    assert fuse("zebra", 2) == []


@pytest.mark.parametrize(("repeats", "ranking"), [(0, "acb"), (3, "cab")])
def test_a_repeated_question_ranks_first_what_matches_both(
    make_settings: Any, repeats: int, ranking: str
) -> None:
    texts = {"a": "green grain", "b": "rice in a field", "c": "grain of rice"}
    weights = {"original_query_weight": 0.1, "rank_constant": 0}
    settings = make_settings(query_repeats=repeats, **weights)
    search = BM25Search(Corpus(texts, texts))
    assert search_with_rewrites(search, "rice", ["green grain"], settings) == [*ranking]


def test_many_questions_are_searched_together_and_ranked_as_each_alone(make_settings: Any) -> None:
    texts = {"a": "rice of the valley", "b": "rice", "c": "valley floods", "d": "green grain"}
    bm25, settings = BM25Search(Corpus(texts, {**texts, "b": ""})), make_settings(fb_docs=1)
    rewrites = {"rice": ["grain", "floods"], "zebra": [], "floods": ["rice"]}
    search = Mock(wraps=bm25, titles=bm25.titles)
    together = search_many_with_rewrites(search, [*rewrites], [*rewrites.values()], settings)
    alone = [search_with_rewrites(bm25, query, rewrites[query], settings) for query in rewrites]
    assert together == alone
    assert search.search.call_count == 2  # the questions for their titles, and then everything
    assert search_many_with_rewrites(bm25, [], [], settings) == []

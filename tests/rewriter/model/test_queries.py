"""What is searched beside a question, and how the rankings are fused."""

from typing import Any

import pytest

from findtune.retrieval.corpus import Corpus
from findtune.retrieval.search import BM25Search
from findtune.rewriter.model.queries import build_queries, search_with_rewrites


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

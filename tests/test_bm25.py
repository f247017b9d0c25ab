"""BM25 finds texts by the stems of their words, the best first, and only where one is shared."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune.bm25 import Index, words

TEXTS = ["jobless men", "jobless women", "the price of wheat", "wheat, wheat and more wheat"]
K1, B = 1.5, 0.75  # as bm25s has them


def by_hand(query: str, texts: list[str]) -> list[float]:
    """Return the score of each text, in plain loops (Lucene's variant)."""
    bags = [words(text) or [""] for text in texts]  # an empty text counts as long as one word
    mean = sum(map(len, bags)) / len(bags)
    scores = []
    for bag in bags:
        score = 0.0
        for word in words(query):
            holding = sum(word in other for other in bags)
            rare = log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
            times = bag.count(word)
            score += rare * times / (times + K1 * (1 - B + B * len(bag) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", ["jobless men", "wheat prices", "wheat wheat", "women", "rain"])
def test_the_scores_are_those_of_the_formula(query: str) -> None:
    assert Index(TEXTS).scores(query).tolist() == pytest.approx(by_hand(query, TEXTS), abs=1e-5)


def test_words_are_stems_without_those_that_every_text_has() -> None:
    assert words("The Prices of  WHEAT, priced in 2019!") == ["price", "wheat", "price", "2019"]
    assert words("of the; and") == words("") == []


def test_the_best_texts_come_first_and_no_more_than_asked_for() -> None:
    index = Index(TEXTS)
    assert index.best("wheat", 4) == [3, 2]
    assert index.best("wheat", 1) == [3]
    assert index.best("a man without a job: jobless", 4) == [0, 1]


def test_of_two_texts_that_are_as_good_the_first_is_first() -> None:
    assert Index(["tea", "rice", "tea", "tea"]).best("tea", 3) == [0, 2, 3]


@pytest.mark.parametrize("query", ["", "of the", "rain", "?!", "price"])
def test_a_query_finds_only_texts_that_share_a_word(query: str) -> None:
    index = Index(TEXTS)
    assert index.best(query, 4) == ([2] if query == "price" else [])
    assert np.flatnonzero(index.scores(query)).tolist() == index.best(query, 4)


def test_a_text_without_a_word_is_never_found() -> None:
    index = Index(["", "of the", "tea"])
    assert index.best("tea of the house", 3) == [2]
    assert index.scores("").shape == (3,)


SOME = st.lists(st.sampled_from(["tea", "teas", "the", "rice", "2019", "?"]), max_size=4)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(SOME.map(" ".join), min_size=1, max_size=5), query=SOME.map(" ".join))
def test_what_is_found_is_what_shares_a_word(texts: list[str], query: str) -> None:
    index = Index(texts)
    sharing = {at for at, text in enumerate(texts) if set(words(text)) & set(words(query))}
    assert set(index.best(query, len(texts))) == sharing
    assert index.scores(query).tolist() == pytest.approx(by_hand(query, texts), abs=1e-5)

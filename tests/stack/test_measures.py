"""Measures of rankings in which most documents were judged by nobody."""

from collections.abc import Callable

import numpy as np
import pytest

from findtune.stack.held_out import Question
from findtune.stack.measures import means, measure

Make = Callable[..., Question]


def test_grades_decide_and_picks_where_there_are_none(make_question: Make) -> None:
    graded = make_question("q", picks=["a"], grades={"b": 2})
    picked = make_question("r", picks=["a"])
    values = measure([["a"], ["a"]], [graded, picked])
    assert values["ndcg@10"].tolist() == [0, 1]
    assert values["picks_ndcg@10"].tolist() == [1, 1]
    assert np.isnan(values["graded_recall@10"]).tolist() == [False, True]
    assert means(values)["graded_recall@10"] == 0


def test_documents_that_nobody_judged_are_counted_and_the_condensed_list_leaves_them_out(
    make_question: Make,
) -> None:
    question = make_question("q", picks=["a"], shown={"a", "b"})
    values = measure([["new", "a", "b"]], [question])
    assert values["unjudged@10"] == pytest.approx(1 / 3)
    assert values["ndcg@10"] == pytest.approx(1 / np.log2(3))
    assert values["condensed_ndcg@10"] == 1


def test_a_condensed_list_of_relevant_documents_alone_says_nothing(make_question: Make) -> None:
    values = measure([["new", "a"]], [make_question("q", picks=["a"])])
    assert np.isnan(values["condensed_ndcg@10"]).all()
    assert "condensed_ndcg@10" not in means(values)


def test_an_empty_ranking_finds_nothing_and_has_nothing_unjudged(make_question: Make) -> None:
    values = measure([[]], [make_question("q", picks=["a"])])
    assert values["recall@10"] == 0
    assert values["unjudged@10"] == 0

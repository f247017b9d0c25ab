"""A tuned cell ships only if it earns its place on dev, and ties go to the simpler cell."""

import numpy as np
import pytest

from findtune.stack.cells import Cell, Reranker
from findtune.stack.measures import DECISIVE
from findtune.stack.selection import (
    Choice,
    Results,
    alone,
    choose,
    interactions,
    judge,
)

QUESTION = Cell("question", "bm25", "none")
TITLES = Cell("prf", "bm25", "none")
RERANKED = Cell("question", "bm25", "tuned")
REWRITTEN = Cell("tuned", "bm25", "tuned")
GROUPS = [f"{number}" for number in range(20)]
SLOW = ("base", "tuned")  # rerankers with a cross-encoder
NOISE = np.resize([0.1, -0.1], 20)


def results(**means: float) -> Results:
    cells = {"question": QUESTION, "titles": TITLES, "reranked": RERANKED, "rewritten": REWRITTEN}
    noise = {"question": 0, "titles": 0, "reranked": NOISE, "rewritten": NOISE}
    return {
        cells[name]: {DECISIVE: np.full(20, mean) + noise[name]} for name, mean in means.items()
    }


def test_the_best_tuned_cell_is_chosen_when_it_is_surely_better() -> None:
    dev = results(question=0.5, titles=0.4, reranked=0.6, rewritten=0.8)
    assert choose(dev, GROUPS, SLOW) == Choice(REWRITTEN, QUESTION)


def test_of_tuned_cells_within_a_standard_error_the_simpler_one_is_chosen() -> None:
    dev = results(question=0.5, reranked=0.7, rewritten=0.7)
    assert choose(dev, GROUPS, SLOW).chosen == RERANKED


def test_of_cells_within_a_standard_error_that_cost_the_same_the_better_one_is_chosen() -> None:
    base = Cell("base", "base", "tuned")
    tied = {base: 0.70, base.with_tuned(["rewriter"]): 0.71, base.with_tuned(["embedder"]): 0.69}
    dev = results(question=0.5) | {
        cell: {DECISIVE: np.full(20, mean) + NOISE * (-1) ** row}
        for row, (cell, mean) in enumerate(tied.items())
    }
    assert choose(dev, GROUPS, SLOW).chosen == Cell("tuned", "base", "tuned")


@pytest.mark.parametrize(
    ("slow", "reranker"),
    [((), "tuned"), (("base",), "tuned"), (("tuned",), "none"), (SLOW, "none")],
)
def test_a_reranker_without_a_cross_encoder_costs_nothing(
    slow: tuple[Reranker, ...], reranker: str
) -> None:
    found, reranked = (Cell("tuned", "base", level) for level in ("none", "tuned"))
    dev = results(question=0.5) | {
        found: {DECISIVE: np.full(20, 0.70) + NOISE},
        reranked: {DECISIVE: np.full(20, 0.71) - NOISE},
    }
    assert choose(dev, GROUPS, slow).chosen == Cell("tuned", "base", reranker)


def test_a_gain_within_a_standard_error_is_none_and_the_untuned_cell_ships() -> None:
    dev = results(question=0.5, reranked=0.51)
    assert choose(dev, GROUPS, SLOW) == Choice(QUESTION, QUESTION)


def test_of_equal_untuned_cells_the_simpler_one_is_compared() -> None:
    assert choose(results(titles=0.5, question=0.5), GROUPS, SLOW).untuned == QUESTION
    assert choose(results(titles=0.6, question=0.5), GROUPS, SLOW).untuned == TITLES


def test_questions_of_one_topic_count_once() -> None:
    dev = results(question=0.5, reranked=0.9)
    assert choose(dev, ["same"] * 20, SLOW).chosen == QUESTION


def test_a_worse_model_is_a_regression_and_a_better_one_a_win() -> None:
    base = np.full(20, 0.5)
    assert judge(base, base - 0.3 + NOISE, 13, GROUPS)["verdict"] == "REGRESSION"
    assert judge(base, base + 0.3 + NOISE, 13, GROUPS)["verdict"] == "WIN"
    assert judge(base, base, 13, GROUPS)["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize(("together", "hurts"), [(0.4, True), (0.65, False), (0.8, False)])
def test_two_models_hurt_each_other_if_both_together_are_below_either_alone(
    together: float, hurts: bool
) -> None:
    means = {(): 0.5, ("rewriter",): 0.6, ("reranker",): 0.7, ("rewriter", "reranker"): together}
    dev = {
        QUESTION.with_tuned(rooms): {DECISIVE: np.full(20, mean) + NOISE * len(rooms)}
        for rooms, mean in means.items()
    }
    hurting = interactions(QUESTION, dev, GROUPS)
    assert [pair.rooms for pair in hurting] == [("rewriter", "reranker")] * hurts
    assert {*alone(QUESTION, dev, 13, GROUPS)} == {"rewriter", "reranker"}

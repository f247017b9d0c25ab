"""Which weights and settings are kept, given the recall of each candidate on dev."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from findtune.rewriter.training import select_model
from findtune.rewriter.training.select_model import Candidate, select_candidate

HALF = np.array([0.0, 1.0] * 8)  # the recall of the questions alone

Make = Callable[..., Candidate]


@pytest.fixture
def candidate(make_settings: Any) -> Make:
    """Return the function that makes a candidate: (interpolation, num_rewrites, **settings)."""
    return lambda a, number, **changes: Candidate(a, make_settings(num_rewrites=number, **changes))


def improved(by: float, questions: int = 8) -> np.ndarray:
    """Return HALF, where some of the questions that found nothing find more."""
    recall = HALF.copy()
    recall[np.flatnonzero(recall == 0)[:questions]] += by
    return recall


@pytest.mark.parametrize("recall", [HALF, improved(-0.5), HALF[::-1]])
def test_nothing_but_the_question_is_searched_unless_it_helps(
    recall: np.ndarray, candidate: Make
) -> None:
    recalls = {candidate(0.0, 2): HALF, candidate(1.0, 4): recall}
    recalls[candidate(0.0, 0, fb_docs=2)] = HALF
    assert select_candidate(recalls, HALF) == candidate(0.0, 0)


def test_titles_alone_are_kept_if_they_clearly_help_more(candidate: Make) -> None:
    titles, rewrites = candidate(0.0, 0, fb_docs=2), candidate(1.0, 4)
    assert select_candidate({titles: improved(0.9), rewrites: improved(0.1)}, HALF) == titles


def test_ties_go_to_the_weights_that_trained_longer(candidate: Make) -> None:
    shorter, longer = candidate(0.5, 4), candidate(1.0, 2)
    recalls = {shorter: improved(0.9), longer: improved(1.0, questions=7)}  # worse on one question
    recalls[candidate(1.0, 1)] = improved(0.5, questions=1)
    assert recalls[shorter].mean() > recalls[longer].mean()
    assert select_candidate(recalls, HALF) == longer
    recalls[longer] = improved(0.5)  # worse on every question
    assert select_candidate(recalls, HALF) == shorter


def test_longer_training_must_beat_the_question_alone(candidate: Make) -> None:
    noisy = 1 - HALF  # within one standard error of everything
    recalls = {candidate(0.0, 4): improved(0.1), candidate(1.0, 4): noisy}
    assert select_candidate(recalls, HALF) == candidate(0.0, 4)
    one_question = {candidate(0.0, 1): np.ones(1), candidate(1.0, 1): np.ones(1) / 2}
    assert select_candidate(one_question, np.zeros(1)) == candidate(1.0, 1)  # separates nothing


def test_the_best_settings_without_rewrites_are_selected(candidate: Make) -> None:
    few, many = (candidate(0.0, 0, fb_docs=number) for number in (2, 5))
    recalls = {few: HALF, many: improved(0.1), candidate(1.0, 4): improved(0.9)}
    assert select_model.select_prf_settings(recalls) == many.settings
    assert select_model.select_prf_settings({candidate(1.0, 4): HALF}) is None


def test_candidates_are_all_combinations_in_a_fixed_order(make_recipe: Any) -> None:
    tried = {"rank_constant": [60, 10], "original_query_weight": [1, 2]}
    recipe = make_recipe(num_rewrites=[4, 1], query_repeats=[2, 0], fb_docs=[3, 0], **tried)
    names = ("num_rewrites", "fb_docs", "rank_constant", "original_query_weight", "query_repeats")
    candidates = select_model.candidate_settings(recipe)
    values = [tuple(getattr(settings, name) for name in names) for settings in candidates]
    with_rewrites = product((1, 4), (0, 3), (10, 60), (1, 2), (0, 2))
    titles_alone = product((0,), (3,), (10, 60), (1, 2), (0,))
    assert values == [*with_rewrites, *titles_alone]
    assert {settings.num_return_sequences for settings in candidates} == {4}


@pytest.mark.parametrize(
    ("name", "values"),
    [("num_rewrites", [1, 9]), ("num_rewrites", [0]), ("fb_docs", [-1]), ("fb_docs", [])],
)
def test_impossible_numbers_are_refused(name: str, values: list[int], make_recipe: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        make_recipe(**{name: values})

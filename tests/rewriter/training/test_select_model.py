"""What is saved, given the recall of each candidate: no complex family unless it surely helps."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from findtune.rewriter.training import select_model
from findtune.rewriter.training.select_model import (
    Candidate,
    Comparison,
    is_better,
    join,
    recall_out_of_fold,
    select,
    select_best,
)
from findtune.training.folds import fold_numbers
from findtune.training.selection import standard_error

HALF = np.array([0.0, 1.0] * 20)  # the recall of the questions alone
GROUPS = [f"{number}" for number in range(len(HALF))]

Make = Callable[..., Candidate]


@pytest.fixture
def candidate(make_settings: Any) -> Make:
    """Return the function that makes a candidate: (family, num_rewrites, **settings)."""

    def make(family: str, number: int = 0, a: float | None = None, **changes: Any) -> Candidate:
        share = float(family == "tuned") if a is None else a
        settings = make_settings(ships=family, num_rewrites=number, **changes)
        return Candidate(share, settings)

    return make


def improved(by: float, questions: int = 20) -> np.ndarray:
    """Return HALF, where some of the questions that found nothing find more."""
    recall = HALF.copy()
    recall[np.flatnonzero(recall == 0)[:questions]] += by
    return recall


def noisy() -> np.ndarray:
    """Return recalls that are a little higher than HALF, by less than a standard error."""
    recall = HALF.copy()
    recall[[0, 2, 4]] = 1
    recall[[1, 3]] = 0
    return recall


def select_among(recalls: dict[Candidate, np.ndarray]) -> Candidate:
    """Return what is selected."""
    return select(Comparison(recalls, GROUPS)).candidate


@pytest.mark.parametrize("recall", [HALF, improved(-0.5), HALF[::-1], noisy()])
def test_the_question_alone_ships_unless_more_is_surely_better(
    recall: np.ndarray, candidate: Make
) -> None:
    question = candidate("question")
    recalls = {question: HALF, candidate("titles", fb_docs=2): recall}
    recalls |= {candidate("base", 4): recall, candidate("tuned", 4): recall}
    assert select_among(recalls) == question


@pytest.mark.parametrize("winner", ["titles", "base", "tuned"])
def test_a_family_that_is_surely_better_than_all_simpler_ones_ships(
    winner: str, candidate: Make
) -> None:
    families = {"titles": candidate("titles", fb_docs=2), "base": candidate("base", 4)}
    families["tuned"] = candidate("tuned", 4)
    recalls = {candidate("question"): HALF, **dict.fromkeys(families.values(), HALF)}
    recalls[families[winner]] = improved(0.5)
    assert select_among(recalls) == families[winner]
    for complex_family in ("base", "tuned"):  # as good, but not better
        recalls[families[complex_family]] = improved(0.5)
    assert select_among(recalls) == families[min(winner, "base", key=[*families].index)]


def test_all_families_are_compared_on_questions_of_train_too(candidate: Make) -> None:
    question, titles = candidate("question"), candidate("titles", fb_docs=2)
    tuned = candidate("tuned", 4)
    dev = Comparison({question: HALF, titles: improved(0.5), tuned: noisy()}, GROUPS)
    of_train = Comparison(
        {question: HALF, titles: improved(-0.5), tuned: improved(0.5)},
        [f"train {group}" for group in GROUPS],
    )
    selection = select(join([dev, of_train]))
    assert select(dev).candidate == titles
    assert selection.candidate == tuned
    assert selection.best == {"question": question, "titles": titles, "tuned": tuned}
    means = {"question": 0.5, "titles": 0.5, "tuned": (noisy().mean() + 0.75) / 2}
    assert selection.recall_out_of_fold == pytest.approx(means)


def test_the_candidate_with_the_highest_recall_is_selected_and_of_equal_ones_the_simplest(
    candidate: Make,
) -> None:
    few, many, best = (candidate("tuned", number) for number in (2, 4, 8))
    recalls = {best: noisy(), many: HALF, few: improved(-0.5)}
    assert select_best(Comparison(recalls, GROUPS)) == best
    recalls[best] = HALF + 1e-12  # a rounding error
    assert select_best(Comparison(recalls, GROUPS)) == many
    recalls[few] = HALF
    assert select_best(Comparison(recalls, GROUPS)) == few


@pytest.mark.parametrize(
    ("name", "simpler", "other"),
    [
        ("num_rewrites", 2, 4),
        ("fb_docs", 0, 2),
        ("query_repeats", 0, 1),
        ("original_query_weight", 4, 1),
        ("rank_constant", 60, 10),
    ],
)
def test_fewer_queries_and_a_ranking_near_the_questions_own_are_simpler(
    name: str, simpler: int, other: int, make_settings: Any
) -> None:
    pair = [Candidate(1.0, make_settings(**{name: value})) for value in (other, simpler)]
    assert select_best(Comparison(dict.fromkeys(pair, HALF), GROUPS)) == pair[1]


def test_weights_near_the_base_are_simpler(candidate: Make) -> None:
    pair = [candidate("tuned", 4, a=share) for share in (1.0, 0.5)]
    assert select_best(Comparison(dict.fromkeys(pair, HALF), GROUPS)) == pair[1]


def test_many_candidates_are_no_advantage_of_a_family(candidate: Make) -> None:
    # each is perfect on its own fold and finds nothing elsewhere
    folds = fold_numbers(GROUPS, select_model.FOLDS)
    lucky = {candidate("tuned", fold + 1): (folds == fold).astype(float) for fold in range(5)}
    assert recall_out_of_fold(Comparison(lucky, GROUPS)).mean() == 0
    same = {candidate("tuned", number): improved(0.5) for number in (1, 2)}
    assert recall_out_of_fold(Comparison(same, GROUPS)).tolist() == improved(0.5).tolist()


def test_questions_of_one_group_count_as_one_observation() -> None:
    values = np.array([0.1, 0.1, 0.1, -0.1, 0.3, 0.2])
    alone = standard_error(values, [*"abcdef"])
    assert alone == pytest.approx(values.std(ddof=1) / 6**0.5)
    together = standard_error(np.tile(values, 3), [*"abcdef"] * 3)
    assert together == pytest.approx(alone)
    assert not is_better(np.ones(9), np.zeros(9), ["a"] * 9)  # one group shows nothing
    assert is_better(np.ones(9), np.zeros(9), ["a"] * 8 + ["b"])


def test_a_single_group_selects_among_all_its_questions(candidate: Make) -> None:
    recalls = {candidate("tuned", 1): np.zeros(3), candidate("tuned", 2): np.ones(3)}
    compared = Comparison(recalls, ["a"] * 3)
    assert select_best(compared).settings.num_rewrites == 2
    assert recall_out_of_fold(compared).tolist() == [1, 1, 1]


def test_candidates_are_all_combinations_of_each_family(make_recipe: Any) -> None:
    tried = {"rank_constant": [60, 10], "original_query_weight": [1, 2], "retriever": "hybrid"}
    recipe = make_recipe(num_rewrites=[4, 1], query_repeats=[2, 0], fb_docs=[3, 0], **tried)
    names = ("num_rewrites", "fb_docs", "rank_constant", "original_query_weight", "query_repeats")
    candidates = select_model.candidate_settings(recipe)
    values = [
        (settings.ships, *(getattr(settings, name) for name in names)) for settings in candidates
    ]
    with_rewrites = product(("base", "tuned"), (4, 1), (3, 0), (60, 10), (1, 2), (2, 0))
    titles_alone = product(("titles",), (0,), (3,), (60, 10), (1, 2), (0,))
    assert values == [("question", 0, 0, 60, 1, 0), *titles_alone, *with_rewrites]
    assert {settings.num_return_sequences for settings in candidates} == {4}
    assert {settings.retriever for settings in candidates} == {"hybrid"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("num_rewrites", [1, 9]),
        ("num_rewrites", [0]),
        ("fb_docs", [-1]),
        ("fb_docs", []),
        ("interpolation", [0]),
        ("retriever", "bm42"),
    ],
)
def test_impossible_values_are_refused(name: str, values: Any, make_recipe: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        make_recipe(**{name: values})

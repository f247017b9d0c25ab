"""Weights that hurt on dev are dropped, and collapse stops training."""

import pytest

from findtune.core.errors import CollapseError
from findtune.embedder.training.collapse import refuse_collapse
from findtune.embedder.training.model_selection import is_as_good, select_interpolation
from findtune.training.callback import DevResult

MEASURES = dict.fromkeys(["ndcg@10", "pairs_spearman", "guard_spearman", "score"], 0.5)
MEASURES |= {"guard_mrr@10": 0.5, "feedback_ndcg@10": 0.5}
MEASURES |= {"random_cosine": 0.1, "error": 0.0}
MEASURES |= {"error_guard_spearman": 0.0, "error_guard_mrr@10": 0.0}


def row(interpolation: float, **changes: float) -> dict[str, float]:
    """Return a row of the sweep."""
    return {**MEASURES, "interpolation": interpolation, **changes}


BASE, GOOD = row(0), row(0.5, score=0.6)


@pytest.mark.parametrize(
    ("score", "as_good"), [(0.8, True), (0.7, True), (0.691, True), (0.689, False)]
)
def test_a_result_within_its_standard_error_of_the_best_is_as_good(
    score: float, as_good: bool
) -> None:
    result = DevResult(MEASURES | {"score": score, "error": 0.01}, score)
    assert is_as_good(result, DevResult(MEASURES, 0.7)) is as_good


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("guard_spearman", 0.48),
        ("guard_mrr@10", 0.48),
        ("ndcg@10", 0.49),
        ("feedback_ndcg@10", 0.49),
        ("pairs_spearman", 0.49),
        ("random_cosine", 0.21),
    ],
)
def test_weights_that_lose_something_are_never_selected(measure: str, value: float) -> None:
    bad = row(1, score=0.9, **{measure: value})
    assert select_interpolation([BASE, GOOD, bad], 0.01) == GOOD
    assert select_interpolation([BASE, bad], 0.01) == BASE


CLOSE = row(1, score=0.9, guard_spearman=0.495)
NOISY = CLOSE | {"error_guard_spearman": 0.0045}
FAR = row(1, score=0.61)
UNSURE = row(1, score=0.61, error=0.02)


@pytest.mark.parametrize(
    ("sweep", "guard_tolerance", "selected"),
    [
        pytest.param([BASE, CLOSE], 0.01, CLOSE, id="a loss within the tolerance"),
        pytest.param([BASE, CLOSE], 0.001, BASE, id="a loss above the tolerance"),
        pytest.param([BASE, NOISY], 0.001, BASE, id="a loss of five tolerances, however noisy"),
        pytest.param([BASE, NOISY], 0.002, NOISY, id="a loss that may be noise"),
        pytest.param([GOOD, BASE, FAR], 0, FAR, id="the best, where dev is sure"),
        pytest.param([GOOD, BASE, UNSURE], 0, GOOD, id="the nearest to the base, where it is not"),
        pytest.param([row(1), row(0.5), BASE], 0, BASE, id="no better than the base"),
        pytest.param([row(1, score=0.49, error=0.1), BASE], 0, BASE, id="below the base"),
    ],
)
def test_the_best_weights_are_selected_or_those_nearest_to_the_base_within_one_standard_error(
    sweep: list[dict[str, float]], guard_tolerance: float, selected: dict[str, float]
) -> None:
    assert select_interpolation(sweep, guard_tolerance) == selected


@pytest.mark.parametrize("name", list(MEASURES))
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_that_is_not_finite_is_a_collapse(name: str, value: float) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        refuse_collapse(MEASURES | {name: value}, MEASURES)


def test_random_texts_that_become_similar_are_a_collapse_if_dev_falls_too() -> None:
    worse = MEASURES | {"score": MEASURES["score"] - 0.01}
    for harmless in (0.29, -0.5):
        refuse_collapse(worse | {"random_cosine": harmless}, MEASURES)
    refuse_collapse(MEASURES | {"random_cosine": 0.31}, MEASURES)
    with pytest.raises(CollapseError, match=r"cosine 0\.31, 0\.21 more"):
        refuse_collapse(worse | {"random_cosine": 0.31}, MEASURES)

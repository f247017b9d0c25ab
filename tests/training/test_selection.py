"""A difference within one standard error is treated as noise."""

import numpy as np
import pytest

from findtune.training.selection import (
    bootstrap_error,
    is_real_loss,
    standard_error,
    within_one_standard_error,
)


@pytest.mark.parametrize(
    ("values", "expected"),  # of a single query the error is 1: it shows nothing
    [([0.0, 1.0, 1.0, 0.0], (1 / 3 / 4) ** 0.5), ([0.4, 0.4], 0), ([0.7], 1)],
)
def test_the_standard_error_is_that_of_a_samples_mean(values: list[float], expected: float) -> None:
    assert standard_error(np.array(values)) == pytest.approx(expected)


def test_a_question_asked_again_adds_nothing_to_what_is_known() -> None:
    values, groups = np.array([0.0, 1.0, 0.5, 0.25]), [*"abcd"]
    alone = standard_error(values, groups)
    assert alone == standard_error(values)
    assert standard_error(np.tile(values, 3), groups * 3) == pytest.approx(alone)
    assert standard_error(np.array([0.1, 0.2]), ["a", "a"]) == 1
    lost = np.array([0.5, *[1.0] * 9])
    assert not within_one_standard_error(lost - 0.1, lost)
    assert within_one_standard_error(lost - 0.1, lost, ["a"] * 10)


HALF = [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("values", "best", "expected"),
    [
        (HALF, HALF, True),
        ([0.9, 0.5, 0.6, 0.5], HALF, True),  # better
        ([0.3, 0.5, 0.6, 0.5], HALF, True),  # worse by 0.025, with a standard error of 0.063
        ([0.4, 0.4, 0.4, 0.4], HALF, False),  # worse by 0.1 on every query: no noise at all
        ([0.3, 0.4, 0.5, 0.5], HALF, False),  # worse by 0.075, with a standard error of 0.048
        ([-0.1, 0.9, -0.1, 0.9], [0, 1, 0, 1], False),  # values vary much, but not the loss
        ([0.0], [1.0], True),
    ],
)
def test_only_a_loss_beyond_one_standard_error_of_the_paired_differences_counts(
    values: list[float], best: list[float], expected: bool
) -> None:
    assert within_one_standard_error(np.array(values), np.array(best)) is expected


def test_the_bootstrap_gives_the_standard_error_of_a_statistic_of_paired_samples() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(size=400)
    after = before + rng.normal(scale=0.1, size=400)

    def rise(before: np.ndarray, after: np.ndarray) -> float:
        return float((after - before).mean())

    error = bootstrap_error(rise, before, after)
    assert error == pytest.approx(standard_error(after - before), rel=0.2)
    assert error == bootstrap_error(rise, before, after)
    assert bootstrap_error(rise, before[:1], after[:1]) == 1


@pytest.mark.parametrize(
    ("loss", "error", "real"),
    [
        (-0.1, 0.0, False),  # a gain
        (0.004, 0.0, False),  # within the tolerance of 0.005
        (0.006, 0.0, True),
        (0.012, 0.008, False),  # 0.007 above the tolerance, with a standard error of 0.008
        (0.014, 0.008, True),
        (0.016, 0.5, True),  # more than three tolerances, whatever the noise
    ],
)
def test_a_loss_counts_beyond_its_tolerance_and_one_standard_error_or_beyond_three_tolerances(
    loss: float, error: float, real: bool
) -> None:
    assert is_real_loss(loss, error, 0.005) is real

"""A difference within one standard error is treated as noise."""

import numpy as np
import pytest

from findtune.training.selection import standard_error, within_one_standard_error


@pytest.mark.parametrize(
    ("values", "expected"),  # of a single query the error is 1: it shows nothing
    [([0.0, 1.0, 1.0, 0.0], (1 / 3 / 4) ** 0.5), ([0.4, 0.4], 0), ([0.7], 1)],
)
def test_the_standard_error_is_that_of_a_samples_mean(values: list[float], expected: float) -> None:
    assert standard_error(np.array(values)) == pytest.approx(expected)


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

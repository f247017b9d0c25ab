"""A better order of the scored pairs is found, and noise is not mistaken for one."""

import json

import numpy as np
import pytest

from findtune.embedder.evaluation.correlation import compare_correlation
from findtune.evaluation.verdict import verdict

pytestmark = pytest.mark.filterwarnings("error")

LABELS = np.linspace(0, 1, 60)
SHUFFLED = np.random.default_rng(3).permutation(LABELS)


def test_a_better_order_is_a_win_a_worse_one_a_regression_and_the_same_one_inconclusive() -> None:
    better = compare_correlation(LABELS, SHUFFLED, LABELS, 13)
    assert better["mean"] > 0.5
    assert verdict(better) == "WIN"
    assert verdict(compare_correlation(LABELS, LABELS, SHUFFLED, 13)) == "REGRESSION"
    same = compare_correlation(LABELS, SHUFFLED, SHUFFLED, 13)
    assert (same["ci_low"], same["mean"], same["ci_high"]) == (0, 0, 0)
    assert verdict(same) == "INCONCLUSIVE"


@pytest.mark.parametrize("labels", [[0, 0.2, 0.5, 0.7, 1], [0, 0, 0, 0, 0, 1]])
@pytest.mark.parametrize("base", [[0.3, 0.1, 0.2, 0.5, 0.4, 0.6], [0.5] * 6])
def test_a_few_pairs_give_finite_numbers(labels: list[float], base: list[float]) -> None:
    size = len(labels)
    tuned = np.linspace(0.1, 0.9, size)
    difference = compare_correlation(np.array(labels), np.array(base[:size]), tuned, 13)
    json.dumps(difference, allow_nan=False)

"""Rank correlation looks at the order only; random_cosine shows a collapse."""

import numpy as np
import pytest

from findtune.embedder.model.similarity import random_cosine, spearman

LABELS = np.array([0.0, 0.1, 0.5, 0.6, 1.0])


def test_spearman_looks_at_the_order_only() -> None:
    assert spearman(np.exp(9 * LABELS), LABELS) == pytest.approx(1)
    assert spearman(-LABELS, LABELS) == pytest.approx(-1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pairs", [5, 4, 0])
@pytest.mark.parametrize("equal", ["scores", "labels"])
def test_spearman_of_equal_values_or_too_few_pairs_is_zero(pairs: int, equal: str) -> None:
    values = [np.full(5, 0.5) if pairs == 5 else LABELS, LABELS]
    assert spearman(*(row[:pairs] for row in (values if equal == "scores" else values[::-1]))) == 0


def test_random_cosine_is_one_after_a_collapse_zero_at_right_angles_and_repeatable() -> None:
    assert random_cosine(np.tile([0.6, 0.8], (50, 1))) == pytest.approx(1)
    assert random_cosine(np.eye(50)) == 0
    vectors = np.random.default_rng(1).normal(size=(50, 3))
    assert random_cosine(vectors) == random_cosine(vectors.copy())

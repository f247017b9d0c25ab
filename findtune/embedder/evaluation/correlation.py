"""Comparing two models by how well their cosines agree with the labels of scored pairs."""

from typing import Any

import numpy as np

from findtune.embedder.model.similarity import spearman
from findtune.evaluation.significance import interval

Array = np.ndarray


def compare_correlation(labels: Array, base: Array, tuned: Array, seed: int) -> dict[str, Any]:
    """Return the difference of two rank correlations with the same labels, and its interval.

    labels, base, tuned: (pairs,); the bootstrap resamples whole pairs.
    """

    def difference(labels: Array, base: Array, tuned: Array) -> float:
        return spearman(tuned, labels) - spearman(base, labels)

    low, high = interval(difference, (labels, base, tuned), seed)
    mean = difference(labels, base, tuned)
    return {"measure": "pairs_spearman", "mean": mean, "ci_low": low, "ci_high": high}

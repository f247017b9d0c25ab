"""Choosing between models on a small dev set, where small differences are noise."""

import numpy as np
from scipy.stats import sem

Array = np.ndarray


def standard_error(values: Array) -> float:
    """Return the standard error of the mean of shares, or of their differences, (queries,).

    For a single query it is 1, the largest error that a share can have.
    """
    return float(sem(values)) if len(values) > 1 else 1.0


def within_one_standard_error(values: Array, best: Array) -> bool:
    """Return whether dev can't tell per-query values from the best ones, both (queries,)."""
    return bool(values.mean() >= best.mean() - standard_error(values - best))

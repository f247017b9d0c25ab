"""Choosing between models on a small dev set, where small differences are noise."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from scipy.stats import bootstrap, sem

RESAMPLES = 200  # enough for a standard error (Efron & Tibshirani 1993, 6.4)
MAX_LOSSES = 3  # times the tolerance: a larger loss counts, whatever its standard error

Array = np.ndarray
Groups = Sequence[Hashable] | None  # one label per query; equal labels: dependent queries


def standard_error(values: Array, groups: Groups = None) -> float:
    """Return the standard error of the mean of values in [0, 1], or their differences, (queries,).

    It is clustered by group: one question asked 300 times counts as one. For a single query or
    group it is 1, the largest error that such a mean can have. Source: the linearized variance of
    a ratio (Cochran 1977, 6.4).
    """
    numbers: dict[Hashable, int] = {}
    rows = [numbers.setdefault(group, len(numbers)) for group in groups or range(len(values))]
    if len(numbers) < 2:
        return 1.0
    if len(numbers) == len(values):
        return float(sem(values))
    sums = np.bincount(rows, values - values.mean())
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(values))


def within_one_standard_error(values: Array, best: Array, groups: Groups = None) -> bool:
    """Return whether values are at most a standard error below the best on average, (queries,)."""
    return bool(values.mean() >= best.mean() - standard_error(values - best, groups))


def bootstrap_error(statistic: Callable[..., float], *samples: Array) -> float:
    """Return the standard error of a statistic of paired samples, each (items,).

    It is for statistics that are not means, such as a difference of rank correlations. The
    bootstrap (Efron 1979) resamples whole items, with a fixed seed. For a single item it is 1.
    """
    if len(samples[0]) < 2:
        return 1.0
    resampled = bootstrap(
        samples,
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(resampled.standard_error)


def is_real_loss(loss: float, error: float, tolerance: float) -> bool:
    """Return whether a measure's loss exceeds its tolerance by more than noise.

    loss: mean of the paired losses; error: its standard error. An excess of at most one standard
    error is noise, but a loss above `MAX_LOSSES` tolerances never is.
    """
    return loss > min(tolerance + error, MAX_LOSSES * tolerance)

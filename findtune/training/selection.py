"""Choosing between models on a small dev set, where small differences are noise."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from scipy.stats import bootstrap, sem

RESAMPLES = 200  # as many as a standard error needs (Efron & Tibshirani 1993, 6.4)
MAX_LOSSES = 3  # times the tolerance: a larger loss counts, whatever its standard error

Array = np.ndarray
Groups = Sequence[Hashable] | None  # one label per query; queries with the same are dependent


def standard_error(values: Array, groups: Groups = None) -> float:
    """Return the standard error of the mean of shares, or of their differences, (queries,).

    Whole groups are drawn: one question asked 300 times is one question. For a single query or
    group it is 1, the largest error that a share can have. Source: the linearized variance of a
    ratio (Cochran 1977, 6.4).
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
    """Return whether dev can't tell per-query values from the best ones, both (queries,)."""
    return bool(values.mean() >= best.mean() - standard_error(values - best, groups))


def bootstrap_error(statistic: Callable[..., float], *samples: Array) -> float:
    """Return the standard error of a statistic of paired samples, each (items,).

    It serves where the statistic is no mean, such as a difference of rank correlations. The
    bootstrap (Efron 1979) draws whole items, always the same ones. For a single item it is 1.
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
    """Return whether a measure's loss is above its tolerance by more than noise.

    loss: mean of the paired losses; error: its standard error. A loss within one standard error
    of the tolerance is taken for noise, but none above `MAX_LOSSES` tolerances is.
    """
    return loss > min(tolerance + error, MAX_LOSSES * tolerance)

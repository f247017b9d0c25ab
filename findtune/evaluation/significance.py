"""Is one model better than another on the same queries, and how sure is that?

Sources: paired bootstrap (Efron & Tibshirani 1993) and randomization test (Fisher 1935), as
recommended for rankings by Smucker, Allan & Carterette (CIKM 2007); both by scipy.stats.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

RESAMPLES = 2000
BATCH = 100  # resamples at a time; each takes the memory of all groups
# Standard errors that a difference must have: two-sided 5 % error and 80 % power.
POWER = 1.96 + 0.84

Array = np.ndarray
Groups = Sequence[Hashable] | None


def compare(
    base: Array, tuned: Array, measure: str, seed: int, groups: Groups = None
) -> dict[str, Any]:
    """Return the mean difference of per-query values, (queries,), with its 95 % interval.

    groups: one label per query. Queries with the same label, such as those that ask for the same
    variable, are not independent, so the bootstrap and the test draw whole groups.
    `minimum_detectable_effect` is the smallest difference that this many queries could show. A
    single group shows nothing: its interval is [-1, 1].
    """
    difference = tuned - base
    sums, counts = by_group(difference, groups)
    mean = {"measure": measure, "mean": float(difference.mean())}
    if len(sums) < 2:
        unknown = {"ci_low": -1.0, "ci_high": 1.0, "p_value": 1.0}
        return mean | unknown | {"minimum_detectable_effect": 1.0}
    low, high = interval(lambda sums, counts: sums.sum() / counts.sum(), (sums, counts), seed)
    return mean | {
        "ci_low": low,
        "ci_high": high,
        "p_value": randomization_p_value(sums, seed),
        "minimum_detectable_effect": float(POWER * standard_error_of_groups(sums, counts)),
    }


def randomization_p_value(sums: Array, seed: int) -> float:
    """Return the two-sided p-value of the groups' summed differences, (groups,)."""
    test = stats.permutation_test(
        (sums,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(test.pvalue)


def slices(
    masks: Mapping[str, Array],
    base: Array,
    tuned: Array,
    measure: str,
    seed: int,
    groups: Groups = None,
) -> dict[str, dict[str, Any]]:
    """Return the difference within each non-empty slice of the queries, as difference_SLICE.

    masks: slice -> whether each query belongs to it, (queries,). The rest is as in `compare`. Each
    difference has the number of its `queries`, and of the `groups` that they form.
    """
    differences = {}
    for name, mask in masks.items():
        if mask.any():
            rows = np.flatnonzero(mask)
            slice_groups = None if groups is None else [groups[int(row)] for row in rows]
            result = compare(base[mask], tuned[mask], measure, seed, slice_groups)
            del result["minimum_detectable_effect"]  # no verdict rests on a slice
            differences[f"difference_{name}"] = {
                **result,
                "queries": int(mask.sum()),
                "groups": len(set(slice_groups or rows.tolist())),
            }
    return differences


def by_group(values: Array, groups: Groups) -> tuple[Array, Array]:
    """Return the sum and the number of the values of each group, (groups,)."""
    if groups is None:
        return values, np.ones(len(values))
    numbers: dict[Hashable, int] = {}
    group_numbers = [numbers.setdefault(group, len(numbers)) for group in groups]
    return np.bincount(group_numbers, values), np.bincount(group_numbers).astype(float)


def standard_error_of_groups(sums: Array, counts: Array) -> float:
    """Return the standard error of the mean over all values, when whole groups are drawn.

    Source: the linearized variance of a ratio (Cochran 1977, 6.4).
    """
    residuals = sums - counts * sums.sum() / counts.sum()
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (residuals**2).sum()) / counts.sum())


def interval(
    statistic: Callable[..., Any], samples: tuple[Array, ...], seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a statistic of paired samples."""
    bounds = stats.bootstrap(
        samples,
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=RESAMPLES,
        batch=BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(bounds.low), float(bounds.high)

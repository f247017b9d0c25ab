"""Whether one model is better than another on the same queries, and how sure that is.

Sources: paired bootstrap (Efron & Tibshirani 1993) and randomization test (Fisher 1935) as
recommended for rankings by Smucker, Allan & Carterette (CIKM 2007), both by scipy.stats.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from findtune.measures import spearman

RESAMPLES = 2000
ALPHA = 0.05  # the share of false alarms that a verdict may have
POWER = 1.96 + 0.84  # two-sided 5 % error, 80 % power: standard errors a difference must have

Array = np.ndarray


def compare(
    base: Array, tuned: Array, measure: str, seed: int, groups: Sequence[Hashable] | None = None
) -> dict[str, Any]:
    """Return the mean difference of per-query values, (queries,), and how sure it is.

    groups: of each query what it shares with others, such as the thing asked for; what hangs
    together is drawn together. `detectable` is the smallest difference that so many could show.
    One group shows nothing: its interval is everything that a measure can lose or gain.
    """
    difference = tuned - base
    sums, counts = by_group(difference, groups)
    if len(sums) < 2:
        unsure = {"ci_low": -1.0, "ci_high": 1.0, "p_value": 1.0, "detectable": 1.0}
        return {"measure": measure, "mean": float(difference.mean()), **unsure}
    low, high = interval(lambda sums, counts: sums.sum() / counts.sum(), (sums, counts), seed)
    test = stats.permutation_test(
        (sums,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    )
    return {
        "measure": measure,
        "mean": float(difference.mean()),
        "ci_low": low,
        "ci_high": high,
        "p_value": float(test.pvalue),
        "detectable": float(POWER * error(sums, counts)),
    }


def slices(
    parts: Mapping[str, Array],
    base: Array,
    tuned: Array,
    measure: str,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the difference in each part of the queries that has any, as delta_PART.

    parts: name -> whether each query is of it, (queries,); the rest as for `compare`.
    """
    found = {}
    for name, its in parts.items():
        if its.any():
            of = None if groups is None else [groups[int(at)] for at in np.flatnonzero(its)]
            told = compare(base[its], tuned[its], measure, seed, of)
            del told["detectable"]  # a slice decides nothing
            found[f"delta_{name}"] = {**told, "queries": int(its.sum())}
    return found


def by_group(values: Array, groups: Sequence[Hashable] | None) -> tuple[Array, Array]:
    """Return the sum of each group's values and how many they are, (groups,)."""
    if groups is None:
        return values, np.ones(len(values))
    places: dict[Hashable, int] = {}
    at = [places.setdefault(group, len(places)) for group in groups]
    return np.bincount(at, values), np.bincount(at).astype(float)


def error(sums: Array, counts: Array) -> float:
    """Return the standard error of the mean of all values, whose groups are what is drawn.

    Source: the linearized variance of a ratio (Cochran 1977, 6.4).
    """
    off = sums - counts * sums.sum() / counts.sum()
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (off**2).sum()) / counts.sum())


def compare_correlation(labels: Array, base: Array, tuned: Array, seed: int) -> dict[str, Any]:
    """Return the difference of two rank correlations with the same labels, and its interval.

    labels, base, tuned: (pairs,); the bootstrap draws whole pairs.
    """

    def gain(labels: Array, base: Array, tuned: Array) -> float:
        return spearman(tuned, labels) - spearman(base, labels)

    low, high = interval(gain, (labels, base, tuned), seed)
    mean = gain(labels, base, tuned)
    return {"measure": "pairs_spearman", "mean": mean, "ci_low": low, "ci_high": high}


def interval(
    statistic: Callable[..., Any], samples: tuple[Array, ...], seed: int
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a statistic of paired samples (percentiles)."""
    found = stats.bootstrap(
        samples,
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def verdict(delta: dict[str, Any]) -> str:
    """Return WIN or REGRESSION when the interval leaves zero out, MARGINAL when it does not.

    Where there is a p-value, it must bear that out: of few queries a bootstrap is too sure.
    """
    sure = delta.get("p_value", 0.0) < ALPHA
    if sure and delta["ci_low"] > 0:
        return "WIN"
    return "REGRESSION" if sure and delta["ci_high"] < 0 else "MARGINAL"

"""Whether one model is better than another on the same queries, and how sure that is.

Sources: paired bootstrap (Efron & Tibshirani 1993) and randomization test (Fisher 1935) as
recommended for rankings by Smucker, Allan & Carterette (CIKM 2007), both by scipy.stats.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from findtune.measures import spearman

RESAMPLES = 2000
POWER = 1.96 + 0.84  # two-sided 5 % error, 80 % power: standard errors a difference must have

Array = np.ndarray


def compare(base: Array, tuned: Array, measure: str, seed: int) -> dict[str, Any]:
    """Return the mean difference of per-query values, (queries,), and how sure it is.

    `detectable` is the smallest difference that so many queries could show. One query shows
    nothing: its interval is everything that a measure can lose or gain.
    """
    difference = tuned - base
    if len(difference) < 2:
        unsure = {"ci_low": -1.0, "ci_high": 1.0, "p_value": 1.0, "detectable": 1.0}
        return {"measure": measure, "mean": float(difference.mean()), **unsure}
    low, high = interval(lambda sample: sample.mean(axis=-1), (difference,), seed)
    test = stats.permutation_test(
        (difference,),
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
        "detectable": float(POWER * difference.std(ddof=1) / len(difference) ** 0.5),
    }


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
    """Return WIN or REGRESSION when the interval leaves zero out, MARGINAL when it does not."""
    if delta["ci_low"] > 0:
        return "WIN"
    return "REGRESSION" if delta["ci_high"] < 0 else "MARGINAL"

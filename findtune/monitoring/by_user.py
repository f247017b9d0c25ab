"""Has something changed, if the answers of one user are not independent?

A user who asks often has habits: fifty answers of one user say less than one answer each of fifty
users. So each user is one unit. The difference between now and before is a sum with one term per
user. If nothing has changed, each term could as well have the opposite sign. So random signs are
drawn, one per user, and the p-value is the share of draws with a sum at least as large. If a few
users give most of the answers, no p-value is small, since they alone may explain the difference.

A user's term is how far their answers are from the mean that would hold without a change. That mean
is unknown, so both the mean of now and the mean before are tried, and the larger p-value counts.

Sources: sign-flipped score contributions, Hemerik, Goeman & Finos (JRSS B 2020), of whole groups as
in the wild cluster bootstrap with Rademacher weights, Cameron, Gelbach & Miller (Review of
Economics and Statistics 2008). The largest p-value over an unknown mean: Berger & Boos (JASA 1994).
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from findtune.evaluation.significance import RESAMPLES
from findtune.traffic.records import SearchRecord

BATCH = 100  # draws in memory at once
THRESHOLDS = 100  # at which two distributions are compared
SEED = 13  # of the signs
ROUNDING = 1e-12  # tolerance for sums of the same terms

Array = np.ndarray


def asker(search: SearchRecord) -> str:
    """Return the session hash of who asked; the search's id if that is not known."""
    return search.session or search.id


def p_value_by_user(now: Array, before: Array, users: Sequence[Hashable]) -> float:
    """Return the p-value of a larger mean now, with whole users as units.

    now, before: (answers,) or (answers, measures); with several measures, the largest increase
    counts. users: the user of each answer, those of now first. A single user gives 1.0.
    """
    if len({*users}) < 2:
        return 1.0
    values = np.concatenate([now, before]).astype(float).reshape(len(users), -1)
    sides = values[: len(now)], values[len(now) :]
    weights = np.repeat([1 / len(side) for side in sides], [len(side) for side in sides])
    weights[len(now) :] *= -1
    return max(
        sign_p_value(sums_by_user(weights[:, None] * (values - side.mean(axis=0)), users))
        for side in sides
    )


def sums_by_user(terms: Array, users: Sequence[Hashable]) -> Array:
    """Return the sum of each user's rows, (users, measures)."""
    numbers: dict[Hashable, int] = {}
    rows = [numbers.setdefault(user, len(numbers)) for user in users]
    sums = np.zeros((len(numbers), terms.shape[1]))
    np.add.at(sums, rows, terms)
    return sums


def sign_p_value(terms: Array) -> float:
    """Return the share of sign draws with a sum at least as large, (users, measures) -> (0, 1].

    The observed signs count as a draw, so no p-value is 0 (Phipson & Smyth 2010). The permutation
    test of scipy.stats is far too slow for a log of 30,000 users.
    """
    rng = np.random.default_rng(SEED)
    total = terms.sum(axis=0)
    as_large = 0
    for _ in range(RESAMPLES // BATCH):
        positive = rng.integers(0, 2, (BATCH, len(terms)), dtype=np.int8).astype(float)
        sums = 2 * positive @ terms - total
        as_large += int((sums.max(axis=1) >= total.max() - ROUNDING).sum())
    return (1 + as_large) / (1 + RESAMPLES)


def larger_ranks(now: Array, before: Array, users: Sequence[Hashable]) -> float:
    """Return the p-value of larger values now: Mann-Whitney, combined with the test by user."""
    ranks = stats.rankdata([*now, *before])
    alone = stats.mannwhitneyu(now, before, alternative="greater")
    grouped = p_value_by_user(ranks[: len(now)], ranks[len(now) :], users)
    return surer(alone, grouped)


def smaller_values(now: Array, before: Array, users: Sequence[Hashable]) -> float:
    """Return the p-value of more small values now: Kolmogorov-Smirnov, combined with the test
    by user."""
    alone = stats.ks_2samp(now, before, alternative="greater")
    both = np.concatenate([now, before])
    thresholds = np.unique(np.quantile(both, np.linspace(0, 1, THRESHOLDS), method="nearest"))
    below = both[:, None] <= thresholds
    return surer(alone, p_value_by_user(below[: len(now)], below[len(now) :], users))


def larger_share(now: Array, before: Array, users: Sequence[Hashable]) -> float:
    """Return the p-value of a larger share of true values now: Fisher's exact test, combined with
    the test by user."""
    table = [[part.sum(), len(part) - part.sum()] for part in (now, before)]
    alone = stats.fisher_exact(np.array(table), alternative="greater")
    return surer(alone, p_value_by_user(now, before, users))


def surer(alone: Any, by_user: float) -> float:
    """Return the larger p-value of two tests.

    alone: the test that treats answers as independent; unlike random signs, it is exact even for
    few and rare answers.
    """
    return max(float(alone.pvalue), by_user)

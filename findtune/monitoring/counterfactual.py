"""What would users have picked if the same sources had been shown in another order?

The log of one order answers this only for that order, unless the sources were shuffled; see
findtune/traffic/shuffling.py. Let a source be shown at rank k with propensity p. Another order gets
credit for a pick of it only if it also puts the source at k, and then with weight 1 / p. The mean
over searches is an unbiased estimate of how often users pick what the other order shows at k, if a
pick depends on the source and its rank and not on its neighbors. The sum is divided by the sum of
the weights instead of the number of searches, which adds a little bias for much less variance. The
ranks are added up with the discounts of DCG.

Weights are not clipped: none is above TOP_K / share, and clipping would affect only searches that
the other order changes, so the unchanged ones would dominate.

Sources: inverse propensity scoring for rankings, Joachims, Swaminathan & Schnabel (WSDM 2017); per
rank, the item-position model of Li, Abbasi-Yadkori, Kveton et al. (KDD 2018); self-normalising,
Swaminathan & Joachims (NIPS 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from findtune.evaluation.significance import compare
from findtune.evaluation.verdict import verdict
from findtune.examples.groups import Asked, find_groups
from findtune.traffic.records import SearchRecord, ShownSource
from findtune.traffic.shuffling import TOP_K, propensity
from findtune.traffic.teaching import as_key

FEW = 30  # with fewer effective searches, an interval says too little for a verdict
MEASURE = f"dcg@{TOP_K} of picks"
SEED = 13  # of the bootstrap

Array = np.ndarray
DISCOUNTS = 1 / np.log2(np.arange(2, TOP_K + 2))
Order = Sequence[str]  # URLs, the best first
Picks = Sequence[Sequence[str]]  # of each search, URLs


@dataclass(frozen=True)
class Estimate:
    """Two orders compared by what users picked, as dcg@5 of picks.

    first, second: None if for some rank no search shows what the order puts there. difference:
    second minus first, with its interval by groups; meaningless if one of them is None. verdict: on
    the second order; INCONCLUSIVE if one is None or `effective` is below FEW. effective: the number
    of searches shown in the second order that would give as much information about it, at the rank
    with the least information.
    """

    first: float | None
    second: float | None
    difference: dict[str, Any]
    verdict: str
    effective: float


def shuffled_sources(search: SearchRecord) -> list[ShownSource]:
    """Return the sources that a shuffle could move, in the order in which they were shown."""
    movable = [row for row in search.sources if row.propensity and row.propensity < 1]
    return sorted(movable, key=lambda row: row.rank)


def is_usable(search: SearchRecord) -> bool:
    """Return whether the search shows at least two sources that a shuffle could move."""
    return len(shuffled_sources(search)) > 1


def order_before(search: SearchRecord) -> list[str]:
    """Return the movable sources of a search in the order before the shuffle."""
    movable = shuffled_sources(search)
    return [row.url for row in sorted(movable, key=lambda row: row.unshuffled_rank or row.rank)]


def order_by(search: SearchRecord, ranking: Sequence[str]) -> list[str]:
    """Return the movable sources in the order of a ranking; sources not in it come last."""
    places = {url: place for place, url in enumerate(ranking)}
    return sorted(order_before(search), key=lambda url: places.get(url, len(places)))


def estimate(
    searches: Sequence[SearchRecord], picks: Picks, first: Sequence[Order], second: Sequence[Order]
) -> Estimate:
    """Return an estimate of what users would pick from two orders of each search's sources.

    searches: usable ones, with their picks. first, second: an order of the movable sources of each
    search.
    """
    shown = [weights_and_picks(searches, picks, order) for order in (first, second)]
    before, after = (values(weights, picked) for weights, picked in shown)
    known = [is_supported(weights) for weights, _ in shown]
    difference = compare(before, after, MEASURE, SEED, groups_of(searches))
    effective = effective_searches(searches, second)
    return Estimate(
        float(before.mean()) if known[0] else None,
        float(after.mean()) if known[1] else None,
        difference,
        verdict(difference) if all(known) and effective >= FEW else "INCONCLUSIVE",
        effective,
    )


def weights_and_picks(
    searches: Sequence[SearchRecord], picks: Picks, orders: Sequence[Order]
) -> tuple[Array, Array]:
    """Return the weight of each search at each rank, and whether the source there was picked.

    Both are (searches, TOP_K). A weight is 0 where the order would show another source than the
    log, and NaN where the search has no source at that rank.
    """
    weights, picked = np.full((2, len(searches), TOP_K), np.nan)
    for row, (search, own, order) in enumerate(zip(searches, picks, orders, strict=True)):
        for column, source in enumerate(shuffled_sources(search)):
            is_same = order[column] == source.url
            weights[row, column] = 1 / (source.propensity or 1) if is_same else 0.0
            picked[row, column] = source.url in own
    return weights, picked


def values(weights: Array, picked: Array) -> Array:
    """Return a value for each search, whose mean is the self-normalised estimate, (searches,).

    The values are the linearization of the estimate by the delta method, so an interval of their
    mean is an interval of the estimate.
    """
    parts = np.zeros(len(weights))
    for rank, discount in enumerate(DISCOUNTS):
        shows = ~np.isnan(weights[:, rank])
        own, hits = weights[shows, rank], picked[shows, rank]
        if own.sum() > 0:
            rate = (own @ hits) / own.sum()
            parts[shows] += discount * (rate + own * (hits - rate) / own.mean())
    return parts


def is_supported(weights: Array) -> bool:
    """Return whether, at every rank in use, some search shows what the order puts there.

    weights: from `weights_and_picks`.
    """
    shown = ~np.isnan(weights)
    return bool((np.nansum(weights, axis=0) > 0)[shown.any(axis=0)].all())


def effective_searches(searches: Sequence[SearchRecord], orders: Sequence[Order]) -> float:
    """Return the effective sample size at the rank where it is smallest.

    This is Kish's formula with the expected squared weight, 1 / p, instead of the observed weights.
    Observed weights would look equal, and the sample large, exactly when the log shows none of the
    searches that the order changes. A search without a source at a rank counts as fully known.
    """
    squares = np.ones((len(searches), TOP_K))
    for row, (search, order) in enumerate(zip(searches, orders, strict=True)):
        before, share = order_before(search), share_of(search)
        for column, url in enumerate(order):
            ranked = before.index(url) + 1
            squares[row, column] = 1 / propensity(ranked, column + 1, len(before), share)
    return float(min(len(searches) ** 2 / squares.sum(axis=0)))


def share_of(search: SearchRecord) -> float:
    """Return the probability that a usable search was shuffled, from its propensities."""
    movable = shuffled_sources(search)
    source, moved = movable[0], 1 / len(movable)
    shown = source.propensity or 1
    if source.unshuffled_rank not in (None, source.rank):
        return min(shown / moved, 1.0)
    return min((1 - shown) / (1 - moved), 1.0)


def groups_of(searches: Sequence[SearchRecord]) -> list[str]:
    """Return the group of each search: the same question or session is the same group."""
    asked = [
        Asked(row.id, as_key(row.question), (row.session,) if row.session else ())
        for row in searches
    ]
    groups = find_groups(asked)
    return [groups.group_of(row.record, row.topic) for row in asked]

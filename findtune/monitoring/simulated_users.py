"""Simulated users who answer interleaved searches: does the comparison keep its promises?

Two pipelines rank the same candidates by relevance plus noise. Part of the noise is shared, as in
two versions of one pipeline. Less noise ranks better. A user examines the list from the top and may
stop after each rank, usually picks relevant documents, sometimes others, and three at most.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from findtune.monitoring.preference import ALPHA, log_evidence
from findtune.traffic.interleaving import credit, interleave

CANDIDATES = 30
RELEVANT = 4  # of the candidates
TOP_K = 10
SHARED_NOISE = 0.45
NOISE = 0.35  # of each pipeline's own; relevance is 1 or 0
EXAMINED = 0.85  # the probability of going on to the next rank
PICKS_RELEVANT, PICKS_OTHER = 0.7, 0.04  # of examined documents
MAX_PICKS = 3
BATCH = 2000  # searches that are simulated at a time

Array = np.ndarray
DISCOUNTS = 1 / np.log2(np.arange(2, TOP_K + 2))


@dataclass(frozen=True)
class Run:
    """One comparison. decided_at: the searches until the test stopped; None for never."""

    winner: str | None
    decided_at: int | None


def rankings(noise: float, shared: Array, own: Array) -> Array:
    """Return the candidates in a pipeline's order, (searches, candidates); the first are relevant.

    shared, own: standard normal noise, (searches, candidates).
    """
    relevance = np.arange(CANDIDATES) < RELEVANT
    ordered: Array = np.argsort(-(relevance + SHARED_NOISE * shared + noise * own), axis=1)
    return ordered


def ndcg(ranked: Array) -> float:
    """Return the mean nDCG@10 of some rankings."""
    gains = (ranked[:, :TOP_K] < RELEVANT) @ DISCOUNTS
    return float(gains.mean() / DISCOUNTS[:RELEVANT].sum())


def noise_for(gain: float, searches: int = 40_000) -> float:
    """Return the noise of a pipeline whose nDCG@10 is higher by `gain` than that of NOISE."""
    rng = np.random.default_rng(0)
    shared, first, second = rng.standard_normal((3, searches, CANDIDATES))
    goal = ndcg(rankings(NOISE, shared, first)) + gain
    low, high = 0.0, NOISE
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if ndcg(rankings(middle, shared, second)) < goal else (middle, high)
        )
    return (low + high) / 2


def simulate_credits(noise_a: float, noise_b: float, searches: int, seed: int) -> list[int]:
    """Return the credit of each simulated search; 0 without a pick."""
    rng = np.random.default_rng(seed)
    credits: list[int] = []
    while len(credits) < searches:
        shared, own_a, own_b = rng.standard_normal((3, BATCH, CANDIDATES))
        ranked = (
            rankings(noise, shared, own) for noise, own in ((noise_a, own_a), (noise_b, own_b))
        )
        lists = (ranking[:, :TOP_K].astype(str).tolist() for ranking in ranked)
        moods = rng.random((BATCH, 2, TOP_K))
        credits += [
            one_search(first, second, f"{seed}-{len(credits) + row}", moods[row])
            for row, (first, second) in enumerate(zip(*lists, strict=True))
        ]
    return credits[:searches]


def one_search(first: list[str], second: list[str], search: str, mood: Array) -> int:
    """Return the credit of one search. mood: uniform numbers that decide what the user does."""
    slots = interleave(first, second, search, TOP_K)
    picks: list[str] = []
    for slot, goes_on, fancy in zip(slots, *mood, strict=True):
        if fancy < (PICKS_RELEVANT if int(slot.url) < RELEVANT else PICKS_OTHER):
            picks.append(slot.url)
        if goes_on > EXAMINED or len(picks) == MAX_PICKS:
            break
    return credit(dict(slots), picks)


def run(credits: Array) -> Run:
    """Return how a comparison ends if the test looks after every search."""
    wins_a, wins_b = np.cumsum(credits > 0), np.cumsum(credits < 0)
    enough = np.flatnonzero(log_evidence(wins_a, wins_b) >= log(1 / ALPHA))
    if not len(enough):
        return Run(None, None)
    stop = int(enough[0])
    return Run("A" if wins_a[stop] > wins_b[stop] else "B", stop + 1)

"""Fusing the rankings of several searches into one."""

from collections import defaultdict
from collections.abc import Sequence
from math import fsum


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[str]], rank_constant: float, original_query_weight: float = 1.0
) -> list[str]:
    """Return one ranking: each document scores the sum of weight / (rank_constant + rank).

    The first ranking, that of the original query, has its own weight; every other one weighs 1.
    Of equal scores, the document that appeared first in the rankings wins. Source: reciprocal
    rank fusion (Cormack, Clarke & Buettcher, SIGIR 2009), where the constant is 60.
    """
    shares: dict[str, list[float]] = defaultdict(list)
    for number, ranking in enumerate(rankings):
        weight = original_query_weight if number == 0 else 1.0
        for rank, url in enumerate(ranking, start=1):
            shares[url].append(weight / (rank_constant + rank))
    # fsum: the order of the searches must not decide between equal sums
    return sorted(shares, key=lambda url: -fsum(shares[url]))

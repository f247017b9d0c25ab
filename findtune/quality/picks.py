"""Picks by rank: how often the source at a rank was picked, which shows the position bias."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from findtune.core.records import Record

MAX_RANK = 10


class RankRow(NamedTuple):
    """How often a rank was shown, picked, and picked first."""

    rank: int
    shown: int
    picked: int
    picked_first: int


def picks_by_rank(ranked_lists: Iterable[Record]) -> list[RankRow]:
    """Return a row for each of the first ranks; ranked_lists: clean ones."""
    shown: Counter[int] = Counter()
    picked: Counter[int] = Counter()
    first: Counter[int] = Counter()
    for record in ranked_lists:
        ranks = {source["url"]: source["rank"] for source in record["sources"]}
        shown.update(ranks.values())
        picked.update(ranks[url] for url in record["picks"] if url in ranks)
        first.update(ranks[url] for url in record["picks"][:1] if url in ranks)
    return [
        RankRow(rank, shown[rank], picked[rank], first[rank])
        for rank in range(1, MAX_RANK + 1)
        if shown[rank]
    ]

"""Showing the first sources of some searches in random order, so that logs can judge other orders.

Users look most at the first sources. So a log of one order says little about another order, unless
the order was randomized. With probability `share`, a search shows its first TOP_K sources in an
order drawn uniformly at random, else as they were ranked. So each of these sources can appear at
each of these ranks, with a probability that the log keeps: its propensity.

Sources: randomised results, Joachims, Swaminathan & Schnabel (WSDM 2017); the propensity of a
source at a rank, Li, Abbasi-Yadkori, Kveton et al. (KDD 2018).
"""

from random import Random

from findtune.traffic.records import SearchRecord

TOP_K = 5  # sources that are shuffled; more give less data on each, and cost users more


def shuffle(search: SearchRecord, share: float) -> SearchRecord:
    """Return a search as it is shown, with the propensity of each source.

    search: its sources are in the order of their ranks. share: the probability of a shuffle, in
    (0, 1]. The search's id seeds the draws, so the same search is shown in the same order.
    """
    chance = Random(f"shuffling {search.id}")
    ranks = [*range(1, len(search.sources) + 1)]
    first, rest = ranks[:TOP_K], ranks[TOP_K:]
    shown = [*first]
    if chance.random() < share:
        chance.shuffle(shown)
    sources = [
        search.sources[before - 1].model_copy(
            update={
                "rank": rank,
                "unshuffled_rank": before,
                "propensity": propensity(before, rank, len(first), share),
            }
        )
        for rank, before in enumerate([*shown, *rest], start=1)
    ]
    return search.model_copy(update={"sources": sources})


def propensity(ranked: int, shown: int, count: int, share: float) -> float:
    """Return the probability that a source ranked at one rank is shown at another.

    ranked, shown: from 1. count: sources that are shuffled; those after them never move.
    """
    stays = float(ranked == shown)
    if ranked > count or shown > count:
        return stays
    return share / count + (1 - share) * stays

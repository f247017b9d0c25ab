"""Which of two interleaved pipelines do users prefer, and may we stop now?

Ties are ignored. H0: A wins each other search with probability 1/2, whatever came before. This is
a paired test, since both pipelines answered each search. The evidence is a mixture sequential
probability ratio: the likelihood of the wins under a Beta(CONCENTRATION, CONCENTRATION) mixture of
alternatives, divided by that under H0. Under H0 it is a martingale that starts at 1, so the
probability that it ever exceeds 1 / ALPHA is at most ALPHA (Ville 1939). So one may look after
every pick and stop at any time.

Sources: Robbins (Annals of Mathematical Statistics 1970); always-valid p-values, Johari, Koomen,
Pekelis & Walsh (KDD 2017, Operations Research 2022).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from scipy.special import betaln, xlog1py, xlogy

from findtune.traffic.interleaving import credit
from findtune.traffic.reader import Traffic
from findtune.traffic.records import SearchRecord

ALPHA = 0.05  # the probability that equal pipelines are ever called different
# Of the mixture: alternatives lie around 1/2 with a standard deviation of 0.035, which suits
# preferences of 53 to 60 %. Other values need more picks, but keep the error rate.
CONCENTRATION = 100.0
MAX_SEARCHES = 1_000_000  # more count as never
GRID = np.linspace(0.0005, 0.9995, 1000)  # of win rates, for the confidence sequence

Array = np.ndarray


@dataclass(frozen=True)
class Preference:
    """What the picks say so far.

    wins_a, wins_b, ties: numbers of searches. p_value: always valid. leader: A or B, whichever had
    more wins when the evidence was strongest. low, high: a 95 % confidence sequence of A's share of
    the searches without a tie.
    """

    wins_a: int
    wins_b: int
    ties: int
    p_value: float
    leader: str
    low: float
    high: float

    @property
    def decided(self) -> int:
        """The number of searches without a tie."""
        return self.wins_a + self.wins_b

    @property
    def share(self) -> float:
        """A's share of the searches without a tie; 0.5 if all are ties."""
        return self.wins_a / self.decided if self.decided else 0.5

    @property
    def winner(self) -> str | None:
        """A or B once the test has decided, else None."""
        return self.leader if self.p_value <= ALPHA else None


def preference(credits: Sequence[int]) -> Preference:
    """Return the preference after some searches, in order: 1 for A, -1 for B, 0 for a tie.

    The p-value is the smallest so far: evidence that was once enough stays enough, for the pipeline
    that led at that time.
    """
    votes = np.array([vote for vote in credits if vote], dtype=int)
    wins_a, wins_b = np.cumsum(votes > 0), np.cumsum(votes < 0)
    evidence = np.array([0.0, *log_evidence(wins_a, wins_b)])
    leads = np.array([0, *(wins_a - wins_b)])
    outside = outside_of_confidence(wins_a, wins_b)
    inside = GRID[~outside] if not outside.all() else GRID
    return Preference(
        wins_a=int((votes > 0).sum()),
        wins_b=int((votes < 0).sum()),
        ties=len(credits) - len(votes),
        p_value=min(1.0, exp(-float(evidence.max()))),
        leader="A" if leads[evidence.argmax()] > 0 else "B",
        low=float(inside.min()) if len(votes) else 0.0,
        high=float(inside.max()) if len(votes) else 1.0,
    )


def log_evidence(wins_a: Array, wins_b: Array, share: float | Array = 0.5) -> Array:
    """Return the log of the ratio that tests whether A's win rate is `share`."""
    mixture = betaln(CONCENTRATION + wins_a, CONCENTRATION + wins_b)
    mixture = mixture - betaln(CONCENTRATION, CONCENTRATION)
    ratio: Array = mixture - xlogy(wins_a, share) - xlog1py(wins_b, -np.asarray(share))
    return ratio


def outside_of_confidence(wins_a: Array, wins_b: Array) -> Array:
    """Return which win rates of the grid were rejected at any time, (rates,)."""
    refused = np.zeros(len(GRID), dtype=bool)
    for number in checked_numbers(len(wins_a)):
        ratios = log_evidence(wins_a[number], wins_b[number], GRID)
        refused |= ratios > log(1 / ALPHA)
    return refused


def checked_numbers(number: int) -> list[int]:
    """Return the searches after which the confidence sequence is updated: about 200, and the last.

    Fewer updates only make it wider.
    """
    return sorted({*range(0, number, max(1, number // 200)), *([number - 1] if number else [])})


def searches_needed(share: float, wins_a: int = 0, wins_b: int = 0) -> int:
    """Return how many more searches without a tie the test needs, if A keeps winning this share.

    This is an estimate: half of the time it takes longer. MAX_SEARCHES stands for never.
    """

    def is_enough(more: int) -> bool:
        wins = wins_a + share * more, wins_b + (1 - share) * more
        return bool(log_evidence(np.array(wins[0]), np.array(wins[1])) >= log(1 / ALPHA))

    low, high = -1, MAX_SEARCHES
    if not is_enough(high):
        return MAX_SEARCHES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


# Reading served searches


def credits_of(traffic: Traffic, versions: tuple[str, str]) -> list[int]:
    """Return the credit of each answered search that interleaved two versions.

    They are in the order in which the searches were first answered, so that a changed answer keeps
    its position. 1 is a win of the first version, whichever team it was. An answer without a pick
    is a tie.
    """
    credits = []
    searches = {search.id: search for search in traffic.searches}
    for search in (searches[key] for key in traffic.answers if key in searches):
        if first := first_team(search, versions):
            teams = {source.url: source.team for source in search.sources if source.team}
            picks = traffic.picks_of(search) or []
            credits.append(credit(teams, picks) * (1 if first == "A" else -1))
    return credits


def first_team(search: SearchRecord, versions: tuple[str, str]) -> str | None:
    """Return the team of the first version, or None if the search did not compare the two."""
    compare = search.compare or {}
    if (compare.get("A"), compare.get("B")) == versions:
        return "A"
    return "B" if (compare.get("B"), compare.get("A")) == versions else None


def compared_versions(traffic: Traffic) -> Counter[tuple[str, str]]:
    """Return how many searches interleaved each pair of versions: (team A's, team B's).

    Two versions that swapped teams are one pair, in the order in which they first appeared.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for search in traffic.searches:
        if search.compare and len(search.compare) == 2:
            first, second = search.compare["A"], search.compare["B"]
            swapped = (second, first)
            counts[swapped if swapped in counts else (first, second)] += 1
    return counts


def repeated_sessions(traffic: Traffic, versions: tuple[str, str]) -> Mapping[str, int]:
    """Return how many answered searches each session has in a comparison."""
    return Counter(
        search.session
        for search in traffic.searches
        if search.session and search.id in traffic.answers and first_team(search, versions)
    )

"""Measures of what was served and picked, by ISO week and pipeline version."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from findtune.monitoring.by_user import asker
from findtune.monitoring.drift import Novelty
from findtune.monitoring.questions import distinct
from findtune.quality.languages import language_shares
from findtune.rewriter.model.entities import extract_entities, find_names, keeps_entities
from findtune.traffic.reader import Traffic
from findtune.traffic.records import SearchRecord

RANKS = ("1", "2", "3", "4-5", "6-10", "11+")
RANK_ENDS = (1, 2, 3, 5, 10)


@dataclass(frozen=True)
class Answers:
    """Some searches and their picks: URLs, the best first; None without an answer."""

    searches: Sequence[SearchRecord]
    picks: Sequence[Sequence[str] | None]

    @classmethod
    def of(cls, traffic: Traffic, searches: Sequence[SearchRecord]) -> "Answers":
        """Return some searches with their picks."""
        return cls(searches, [traffic.picks_of(search) for search in searches])

    def alone(self) -> "Answers":
        """Return the searches that were neither interleaved nor shuffled."""
        rows = zip(self.searches, self.picks, strict=True)
        own = [pair for pair in rows if not pair[0].compare and not pair[0].is_shuffled]
        return Answers([search for search, _ in own], [picks for _, picks in own])

    @property
    def answered(self) -> int:
        """The number of searches that users answered."""
        return sum(picks is not None for picks in self.picks)

    @property
    def without_pick(self) -> int:
        """The number of answers that say that no source is right."""
        return sum(picks is not None and not picks for picks in self.picks)

    def outcomes(self) -> list[tuple[str, bool]]:
        """Return each answer as (user, whether the answer says that no source is right)."""
        rows = zip(self.searches, self.picks, strict=True)
        return [(asker(search), not picks) for search, picks in rows if picks is not None]

    def picked_ranks(self) -> list[tuple[str, list[int]]]:
        """Return (user, ranks of the picks) of each search with a pick that was shown."""
        ranks = []
        for search, picks in zip(self.searches, self.picks, strict=True):
            shown = {source.url: source.rank for source in search.sources}
            if own := [shown[url] for url in picks or [] if url in shown]:
                ranks.append((asker(search), own))
        return ranks

    def best_ranks(self) -> list[tuple[str, int]]:
        """Return (user, best rank of a pick) of each search with a pick that was shown."""
        return [(user, min(ranks)) for user, ranks in self.picked_ranks()]


def week_of(time: datetime) -> str:
    """Return the ISO week of a time in UTC, such as 2026-W48."""
    year, week, _ = time.astimezone(UTC).isocalendar()
    return f"{year:04}-W{week:02}"


def calendar_weeks(first: str, last: str) -> list[str]:
    """Return the ISO weeks from the first to the last one, also those without searches."""
    year, week = map(int, first.split("-W"))
    weeks, monday = [first], date.fromisocalendar(year, week, 1)
    while weeks[-1] < last:
        monday += timedelta(weeks=1)
        year, week, _ = monday.isocalendar()
        weeks.append(f"{year:04}-W{week:02}")
    return weeks


def weekly_rows(traffic: Traffic, novelty: Novelty) -> list[dict[str, Any]]:
    """Return a row for each week and version, the oldest first."""
    groups: dict[tuple[str, str], list[SearchRecord]] = {}
    for search in traffic.searches:
        groups.setdefault((week_of(search.time), search.version), []).append(search)
    names = names_of(traffic.searches)
    return [
        {"week": week, "version": version, **measures(Answers.of(traffic, own), novelty, names)}
        for (week, version), own in sorted(groups.items())
    ]


def names_of(searches: Sequence[SearchRecord]) -> frozenset[str]:
    """Return the names in the texts of served sources, found by their capitals."""
    sources = {source.url: source for search in searches for source in search.sources}
    return find_names(f"{row.title}. {row.snippet}" for row in sources.values())


def measures(answers: Answers, novelty: Novelty, names: frozenset[str]) -> dict[str, Any]:
    """Return the measures of some searches; None if there is nothing to measure.

    `searches`, `answered` and the measures of questions include interleaved and shuffled searches;
    the other measures leave them out.
    """
    questions = distinct([search.question for search in answers.searches])
    similarities = novelty.similarities(questions)
    alone = answers.alone()
    best = [rank for _, rank in alone.best_ranks()]
    times = [search.milliseconds for search in alone.searches]
    scores = [
        search.sources[0].score
        for search in alone.searches
        if search.sources and search.sources[0].score is not None
    ]
    lost, rewrites = lost_entities(alone.searches, names)
    return {
        "searches": len(answers.searches),
        "answered": answers.answered,
        "without_pick": alone.without_pick,
        "share_without_pick": ratio(alone.without_pick, alone.answered),
        "reciprocal_rank": float(np.mean([1 / rank for rank in best])) if best else None,
        "picks_by_rank": picks_by_rank(alone),
        "top_score": float(np.median(scores)) if scores else None,
        "latency_p50": float(np.percentile(times, 50)) if times else None,
        "latency_p95": float(np.percentile(times, 95)) if times else None,
        "languages": language_shares(search.question for search in answers.searches),
        "rewrites": rewrites,
        "share_entities_lost": ratio(lost, rewrites),
        "questions": len(questions),
        "share_unlike": novelty.share_unlike(similarities),
    }


def ratio(part: int, whole: int) -> float | None:
    """Return part / whole; None if whole is 0."""
    return part / whole if whole else None


def picks_by_rank(answers: Answers) -> dict[str, int]:
    """Return the number of picks in each range of ranks."""
    ranks = [rank for _, own in answers.picked_ranks() for rank in own]
    bins = Counter(RANKS[sum(rank > end for end in RANK_ENDS)] for rank in ranks)
    return {name: bins[name] for name in RANKS}


def lost_entities(searches: Sequence[SearchRecord], names: frozenset[str]) -> tuple[int, int]:
    """Return how many rewrites lost a name or a number of their question, and how many there are.

    Only rewrites of questions with a name or a number count.
    """
    lost = rewrites = 0
    for search in searches:
        entities = extract_entities(search.question, names)
        for query in search.queries:
            if entities and query != search.question:
                rewrites += 1
                lost += not keeps_entities(query, entities, names)
    return lost, rewrites

"""Showing two rankings as one list, so that users' picks show which ranking they prefer.

Source: team-draft interleaving, Radlinski, Kurup & Joachims (CIKM 2008).
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal, NamedTuple

from findtune.traffic.records import SearchRecord, ShownSource

Team = Literal["A", "B"]


class Slot(NamedTuple):
    """A place in the list that is shown: a URL, and the team that put it there."""

    url: str
    team: Team


def interleave(first: Sequence[str], second: Sequence[str], search: str, top_k: int) -> list[Slot]:
    """Return the list to show, at most top_k long.

    first, second: the URLs of team A and of team B, the best first. search: the id of the search,
    which seeds the coins, so the same search gives the same list. In each round both teams add
    their best URL that is not in the list yet, and a coin decides which team goes first.
    """
    coins = Random(f"interleaving {search}")
    rankings: dict[Team, Sequence[str]] = {"A": first, "B": second}
    slots: dict[str, Slot] = {}
    while len(slots) < top_k:
        order: tuple[Team, Team] = ("A", "B") if coins.random() < 0.5 else ("B", "A")
        picks = [slot for team in order if (slot := draft(team, rankings[team], slots))]
        if not picks:
            break
    return list(slots.values())[:top_k]


def draft(team: Team, ranking: Sequence[str], slots: dict[str, Slot]) -> Slot | None:
    """Add a team's best URL that is not in the slots yet; return its slot, or None without one."""
    url = next((url for url in ranking if url not in slots), None)
    if url is None:
        return None
    slots[url] = Slot(url, team)
    return slots[url]


def credit(teams: Mapping[str, Team], picks: Sequence[str]) -> int:
    """Return 1 if team A wins a search, -1 if team B wins it, 0 for a tie.

    teams: URL -> team, of the sources shown. The team with more picks wins; equal numbers are a
    tie, whatever the order of the picks.
    """
    votes = [teams[url] for url in picks if url in teams]
    difference = votes.count("A") - votes.count("B")
    return (difference > 0) - (difference < 0)


def merge_searches(first: SearchRecord, second: SearchRecord, top_k: int) -> SearchRecord:
    """Return one search that shows two pipelines' sources, interleaved, at most top_k of them.

    first, second: the searches of team A and of team B for the same question. The id, which seeds
    the coins, the session and the version are those of the first. Users must not see the teams.
    """
    urls_a, urls_b = ([source.url for source in search.sources] for search in (first, second))
    sources: dict[Team, dict[str, ShownSource]] = {
        "A": {source.url: source for source in first.sources},
        "B": {source.url: source for source in second.sources},
    }
    shown = [
        sources[slot.team][slot.url].model_copy(update={"rank": rank, "team": slot.team})
        for rank, slot in enumerate(interleave(urls_a, urls_b, first.id, top_k), start=1)
    ]
    changes = {
        "sources": shown,
        "queries": list(dict.fromkeys([*first.queries, *second.queries])),
        "milliseconds": first.milliseconds + second.milliseconds,
        "compare": {"A": first.version, "B": second.version},
    }
    return first.model_copy(update=changes)

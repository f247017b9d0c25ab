"""Which of two answers users preferred: win rates with intervals."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

from findtune.core.records import Record
from findtune.report.data_statistics import length_in_words

Z = 1.96  # of a 95 % interval


class WinRate(NamedTuple):
    """How often one side was preferred: its name, the counts, and a 95 % interval."""

    name: str
    wins: int
    choices: int
    rate: float
    low: float
    high: float


def win_rates(preferences: Sequence[Record]) -> list[WinRate]:
    """Return the win rates that the records can show.

    The records do not say which system wrote an answer. They show whether users prefer the first
    answer or the longer one; answers of equal length are left out of the latter.
    """
    lengths = [
        (length_in_words(preferred(record)), length_in_words(other(record)))
        for record in preferences
    ]
    longer = [own > rival for own, rival in lengths if own != rival]
    first = [record["selected_response"] == "response1" for record in preferences]
    named = {"the first answer": first, "the longer answer": longer}
    return [wilson(name, sum(won), len(won)) for name, won in named.items() if won]


def preferred(record: Record) -> str:
    """Return the answer that a user preferred."""
    return str(record[record["selected_response"]])


def other(record: Record) -> str:
    """Return the answer that a user did not prefer."""
    name = "response2" if record["selected_response"] == "response1" else "response1"
    return str(record[name])


def wilson(name: str, wins: int, choices: int) -> WinRate:
    """Return a rate with its interval. Source: Wilson, JASA 1927."""
    rate = wins / choices
    scale = 1 + Z**2 / choices
    centre = (rate + Z**2 / (2 * choices)) / scale
    half = Z / scale * sqrt(rate * (1 - rate) / choices + Z**2 / (4 * choices**2))
    return WinRate(name, wins, choices, rate, centre - half, centre + half)


Mask = Callable[[str], str]


def choices(preferences: Sequence[Record], examples: int, mask: Mask) -> list[dict[str, str]]:
    """Return the first `examples` choices with their masked texts."""
    return [
        {
            "query": mask(record["query"]),
            "preferred": mask(preferred(record)),
            "other": mask(other(record)),
        }
        for record in preferences[:examples]
    ]

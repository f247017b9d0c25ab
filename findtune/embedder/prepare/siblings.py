"""Siblings: variables whose names differ in one facet (men / women, an age band, a unit).

Siblings give the hard negatives. Two names are siblings when they differ only in one run of up to
three words. A paraphrase must never become a negative, so they are not siblings when these words
may mean the same: when a text of one variable uses the other's words, or when both share a text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from findtune.core.text import near_duplicate_key, normalize

MAX_FACET_WORDS = 3
MIN_FRAME_WORDS = 2  # words that two names must share around the facet
# "don't" is split into "don" and "t"
NEGATIONS = frozenset(["no", "non", "not", "never", "nor", "t", "without"])
MAX_NEIGHBOURS = 60  # in a larger frame, each variable is compared only with the next ones

Member = tuple[str, str]  # dcid, facet


class Sibling(NamedTuple):
    """A sibling of a variable: its dcid, and the words in which the two names differ."""

    dcid: str
    own_facet: str
    sibling_facet: str


def find_siblings(
    names: Mapping[str, str], texts: Mapping[str, Iterable[str]]
) -> dict[str, list[Sibling]]:
    """Return the siblings of each variable that has any, in the order of their dcids.

    names: dcid -> the name to compare; texts: dcid -> all texts of the variable.
    """
    keys = {dcid: set(map(near_duplicate_key, own_texts)) for dcid, own_texts in texts.items()}
    wordings = {dcid: affirmative_texts(own_texts) for dcid, own_texts in texts.items()}
    siblings: dict[str, dict[str, Sibling]] = defaultdict(dict)
    for (first, facet), (second, other_facet) in candidate_pairs(names):
        if facet == other_facet or keys[first] & keys[second]:
            continue
        if f" {other_facet} " in wordings[first] or f" {facet} " in wordings[second]:
            continue
        siblings[first].setdefault(second, Sibling(second, facet, other_facet))
        siblings[second].setdefault(first, Sibling(first, other_facet, facet))
    return {dcid: [own[key] for key in sorted(own)] for dcid, own in sorted(siblings.items())}


def candidate_pairs(names: Mapping[str, str]) -> Iterator[tuple[Member, Member]]:
    """Yield each pair of variables whose names share a frame, with the words in the gap."""
    for members in group_by_frame(names).values():
        for position, first in enumerate(members):
            for second in members[position + 1 : position + MAX_NEIGHBOURS]:
                yield first, second


def group_by_frame(names: Mapping[str, str]) -> dict[tuple[str, str], list[Member]]:
    """Return the variables that share a frame: the words before and after a gap in the name."""
    frames: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for dcid, name in sorted(names.items()):
        words = normalize(name).split()
        for start, end in gaps(len(words)):
            frame = (" ".join(words[:start]), " ".join(words[end:]))
            frames[frame].append((dcid, " ".join(words[start:end])))
    return {frame: members for frame, members in frames.items() if len(members) > 1}


def gaps(length: int) -> Sequence[tuple[int, int]]:
    """Return start and end of every possible gap in a name with `length` words."""
    longest = min(MAX_FACET_WORDS, length - MIN_FRAME_WORDS)
    return [
        (start, start + size)
        for size in range(1, longest + 1)
        for start in range(length - size + 1)
    ]


def affirmative_texts(texts: Iterable[str]) -> str:
    """Return the normalized texts that have no negation as one string, blanks around each text.

    "Not below the poverty line" describes those above it, but "below" does not mean "above".
    """
    normalized = (normalize(text) for text in texts)
    return " ".join(f" {text} " for text in normalized if not NEGATIONS & set(text.split()))

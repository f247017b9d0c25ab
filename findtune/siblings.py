"""Siblings: variables whose names differ in one facet (men / women, an age band, a unit).

They are the hard negatives of a catalog. Two names are siblings when they are the same but for
one run of up to three words; they are not when the words say the same (the one's texts use the
other's words, or the two share a text), since a paraphrase must never be a negative.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from findtune.splits import fold, near

LONGEST_FACET = 3  # words
SHORTEST_FRAME = 2  # words that two names must share around the facet
DENIALS = frozenset(["no", "non", "not", "never", "nor", "t", "without"])  # t is of "don't"
CROWD = 60  # variables in one frame; more of them are only compared with their neighbours


class Sibling(NamedTuple):
    """A variable, and the words of its name where the other's differ."""

    dcid: str
    own: str
    other: str


def siblings(
    names: Mapping[str, str], texts: Mapping[str, Iterable[str]]
) -> dict[str, list[Sibling]]:
    """Return the siblings of each variable that has any, in the order of their ids.

    names: dcid -> the name to compare; texts: dcid -> all texts of the variable.
    """
    keys = {dcid: {near(text) for text in its} for dcid, its in texts.items()}
    words = {dcid: affirmed(its) for dcid, its in texts.items()}
    found: dict[str, dict[str, Sibling]] = defaultdict(dict)
    for members in frames(names).values():
        for at, (one, facet) in enumerate(members):
            for two, other in members[at + 1 : at + CROWD]:
                apart = not keys[one] & keys[two]
                if apart and facet != other and not same(facet, other, words[one], words[two]):
                    found[one].setdefault(two, Sibling(two, facet, other))
                    found[two].setdefault(one, Sibling(one, other, facet))
    return {dcid: [its[key] for key in sorted(its)] for dcid, its in sorted(found.items())}


def frames(names: Mapping[str, str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return, for each name with a gap, the variables that fit and the words in the gap."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for dcid, name in sorted(names.items()):
        words = fold(name).split()
        for start, end in gaps(len(words)):
            frame = (" ".join(words[:start]), " ".join(words[end:]))
            found[frame].append((dcid, " ".join(words[start:end])))
    return {frame: members for frame, members in found.items() if len(members) > 1}


def gaps(length: int) -> Sequence[tuple[int, int]]:
    """Return where a gap may be in a name of so many words."""
    longest = min(LONGEST_FACET, length - SHORTEST_FRAME)
    return [(at, at + size) for size in range(1, longest + 1) for at in range(length - size + 1)]


def same(facet: str, other: str, words: str, other_words: str) -> bool:
    """Return whether two facets look like two wordings of one: both used for one variable."""
    return f" {other} " in words or f" {facet} " in other_words


def affirmed(texts: Iterable[str]) -> str:
    """Return the words of the texts that deny nothing, each between blanks.

    Who is above a line is also said to be not below it, so a denied word is no wording.
    """
    folded = (fold(text) for text in texts)
    return " ".join(f" {text} " for text in folded if not DENIALS & set(text.split()))

"""Splits that cannot leak: what is train, dev or test follows from a hash of the item's own key.

So a new row never moves an old one. What two parts would share all the same (the same words
under two ids) is taken out of the part that learns, and a certificate counts what is left: 0.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Set
from functools import cache
from itertools import combinations

import regex
import snowballstemmer
from pydantic import Field

from findtune.errors import InputError
from findtune.params import Section

PARTS = ("train", "dev", "test")
STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "by",
        "for",
        "from",
        "in",
        "is",
        "of",
        "on",
        "or",
        "s",
        "the",
        "to",
    ]
)
THOUSANDS = regex.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)")
DECIMAL = regex.compile(r"\d+[.,]\d+(?![.,]?\d)")
LIMIT = regex.compile(r"[<>](?=\s*=?\s*\d)")
# Marks are letters to those who write them: the vowels of Hindi and Thai.
WORD = regex.compile("|".join([*(it.pattern for it in (THOUSANDS, DECIMAL, LIMIT)), r"[\w\p{M}]+"]))
STEMMER = snowballstemmer.stemmer("english")


class Shares(Section):
    """Which share of all groups is held out, and which of the disjoint test sets it is."""

    dev: float = Field(ge=0, lt=0.5)
    test: float = Field(gt=0, lt=0.5)
    fold: int = Field(ge=0)


def part(key: str, shares: Shares) -> str:
    """Return train, dev or test for a key.

    The unit interval is cut into test, dev and train; fold n shifts the cut by n test sets,
    so folds 0 ... 1/test - 1 test every group once.
    """
    place = (unit(key) - shares.fold * shares.test) % 1
    if place < shares.test:
        return "test"
    return "dev" if place < shares.test + shares.dev else "train"


def unit(key: str) -> float:
    """Return a number in [0, 1) that depends on nothing but the key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big") / 2**56


def words(text: str) -> list[str]:
    """Return the words of a text as they are written; a number is one, 1,000 the same as 1000."""
    found = WORD.findall(unicodedata.normalize("NFKC", text))
    return [it.replace(",", "") if THOUSANDS.fullmatch(it) else it for it in found]


def fold(text: str) -> str:
    """Return a text without the differences that nobody sees: case, width, spaces, punctuation."""
    return " ".join(words(unicodedata.normalize("NFKC", text).casefold()))


@cache
def near(text: str) -> str:
    """Return a key that near-duplicates share: the stems of the content words, sorted.

    Numbers and words such as "men" stay, since siblings differ in nothing else.
    Source: Snowball's English stemmer (Porter 2).
    """
    words = [word for word in fold(text).split() if word not in STOP]
    return " ".join(sorted(set(map(stem, words)))) or fold(text)


@cache
def stem(word: str) -> str:
    """Return the stem of an English word; kept, since a catalog says the same words again."""
    found: str = STEMMER.stemWord(word)
    return found


def certificate(held: Mapping[str, Mapping[str, Set[str]]]) -> dict[str, dict[str, int]]:
    """Return how many keys each two parts share, by what the keys are: nothing but zeros.

    held: what (variables, texts, ...) -> part -> keys. Raises InputError when there is a leak.
    """
    shared = {
        what: {
            f"{one} and {two}": len(parts[one] & parts[two]) for one, two in combinations(parts, 2)
        }
        for what, parts in held.items()
    }
    leaks = {what: counts for what, counts in shared.items() if any(counts.values())}
    if leaks:
        raise InputError(f"the split leaks: {leaks}; no part may hold what another one holds.")
    return shared

"""Entities: what a rewrite must keep of a question, which is its numbers, years and names.

People ask in small letters, so a name can't be told by its capital. But sources are written with
care: a word that stands with a capital within their sentences, nearly always, is a name.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Set

import regex

from findtune.splits import stem, words

SENTENCE = regex.compile(r"[!?;\n]+|[.:]+(?!\d)|(?<!\d)[.:]+")
FEWEST = 2  # times that a name stands within sentences
NEARLY_ALWAYS = 0.9  # share of those with a capital
SHOUTED = 0.5  # share of a text's words with a capital, above which capitals tell nothing
SHORTEST = 4  # letters of a name that another form may begin with
ENDINGS = frozenset(["n", "an", "ian", "i", "ish", "ese", "er", "en"])  # Kenya, Kenyan


def names_in(texts: Iterable[str]) -> frozenset[str]:
    """Return the words, in small letters, that stand in texts as names."""
    seen: Counter[str] = Counter()
    with_capital: Counter[str] = Counter()
    for text in texts:
        for its in sentences(text):
            if shouted(its):
                continue
            seen.update(word.casefold() for word in its[1:])
            with_capital.update(word.casefold() for word in its[1:] if is_capital(word))
    return frozenset(
        word
        for word, times in with_capital.items()
        if times >= FEWEST and times >= NEARLY_ALWAYS * seen[word] and len(word) > 1
    )


def sentences(text: str) -> list[list[str]]:
    """Return the words of each sentence."""
    found = map(words, SENTENCE.split(unicodedata.normalize("NFKC", text)))
    return [its for its in found if its]


def shouted(its: list[str]) -> bool:
    """Return whether so many words have a capital, from the first on, that it says nothing."""
    capitals = sum(map(is_capital, its[1:]))
    return is_capital(its[0]) and capitals > SHOUTED * max(1, len(its) - 1)


def is_capital(word: str) -> bool:
    return word[0].isupper()


def entities(question: str, names: Set[str]) -> set[str]:
    """Return the numbers, years and names of a question, in small letters.

    A name is one of `names`, or a word that the question itself writes with a capital.
    """
    found: set[str] = set()
    for its in sentences(question):
        folded = [word.casefold() for word in its]
        found |= {word for word in folded if any(map(str.isdigit, word))} | {*folded} & names
        if not shouted(its):
            named = zip(folded[1:], its[1:], strict=True)
            found |= {word for word, written in named if is_capital(written) and len(word) > 1}
    return found


def keeps(rewrite: str, wanted: Set[str], names: Set[str]) -> bool:
    """Return whether a rewrite still has every entity, be it in another form of the word.

    names: the words that are names, which tell whose form a word is.
    """
    kept = {word.casefold() for word in words(rewrite)}
    stems = {stem(word) for word in kept}
    return all(
        word in kept or stem(word) in stems or any(akin(stem(word), it, names) for it in stems)
        for word in wanted
    )


def akin(one: str, two: str, names: Set[str]) -> bool:
    """Return whether one stem is the other with an ending of those who live there.

    Nigerian is akin to Nigeria, and so not to Niger, where both are names.
    """
    short, long = sorted((one, two), key=len)
    return derived(long, short) and not any(
        len(short) < len(name) < len(long) and derived(long, name) for name in map(stem, names)
    )


def derived(long: str, short: str) -> bool:
    return len(short) >= SHORTEST and long.startswith(short) and long[len(short) :] in ENDINGS

"""Entities: the numbers, years and names of a question, which a rewrite must keep.

Users often type names in lower case, so capitals in the question are not enough. Documents are
written with more care: a word that nearly always has a capital within their sentences is a name.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Set

import regex

from findtune.core.text import stem, words

SENTENCE_END = regex.compile(r"[!?;\n]+|[.:]+(?!\d)|(?<!\d)[.:]+")
MIN_OCCURRENCES = 2  # of a name with a capital, not counting the first words of sentences
MIN_CAPITAL_SHARE = 0.9  # of a name's occurrences
MAX_CAPITAL_SHARE = 0.5  # of a sentence's words; above it, capitals don't mark names
MIN_STEM_LETTERS = 4  # of a name that may have another form
DEMONYM_ENDINGS = frozenset(["n", "an", "ian", "i", "ish", "ese", "er", "en"])  # Kenya, Kenyan


def find_names(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that texts use as names, in lower case."""
    counts: Counter[str] = Counter()
    capital_counts: Counter[str] = Counter()
    for text in texts:
        for sentence in split_sentences(text):
            if is_mostly_capitalized(sentence):
                continue
            counts.update(word.casefold() for word in sentence[1:])
            capital_counts.update(word.casefold() for word in sentence[1:] if is_capitalized(word))
    return frozenset(
        word
        for word, number in capital_counts.items()
        if number >= MIN_OCCURRENCES
        and number >= MIN_CAPITAL_SHARE * counts[word]
        and len(word) > 1
    )


def split_sentences(text: str) -> list[list[str]]:
    """Return the words of each sentence."""
    sentences = map(words, SENTENCE_END.split(unicodedata.normalize("NFKC", text)))
    return [sentence for sentence in sentences if sentence]


def is_mostly_capitalized(sentence: list[str]) -> bool:
    """Return whether a sentence is a headline, or all capitals, where capitals mark no names."""
    capitals = sum(map(is_capitalized, sentence[1:]))
    return is_capitalized(sentence[0]) and capitals > MAX_CAPITAL_SHARE * max(1, len(sentence) - 1)


def is_capitalized(word: str) -> bool:
    """Return whether a word begins with a capital."""
    return word[0].isupper()


def extract_entities(question: str, names: Set[str]) -> set[str]:
    """Return the numbers, years and names of a question, in lower case.

    A name is one of `names`, or a word that the question itself writes with a capital.
    """
    entities: set[str] = set()
    for sentence in split_sentences(question):
        lower = [word.casefold() for word in sentence]
        entities |= {word for word in lower if any(map(str.isdigit, word))} | {*lower} & names
        if not is_mostly_capitalized(sentence):
            pairs = zip(lower[1:], sentence[1:], strict=True)
            entities |= {word for word, written in pairs if is_capitalized(written) and word[1:]}
    return entities


def keeps_entities(rewrite: str, entities: Set[str], names: Set[str]) -> bool:
    """Return whether a rewrite has every entity, possibly in another form of the word.

    names: all known names; they decide which name a form belongs to.
    """
    kept = {word.casefold() for word in words(rewrite)}
    stems = {stem(word) for word in kept}
    return all(
        entity in kept
        or stem(entity) in stems
        or any(are_forms_of_one_name(stem(entity), other, names) for other in stems)
        for entity in entities
    )


def are_forms_of_one_name(left: str, right: str, names: Set[str]) -> bool:
    """Return whether one stem is a place and the other its people or language (Kenya, Kenyan).

    Nigerian belongs to Nigeria, so not to Niger, when both are known names.
    """
    short, long = sorted((left, right), key=len)
    return is_derived(long, short) and not any(
        len(short) < len(name) < len(long) and is_derived(long, name) for name in map(stem, names)
    )


def is_derived(long: str, short: str) -> bool:
    """Return whether a stem is a shorter one with the ending of a demonym."""
    ending = long[len(short) :]
    return len(short) >= MIN_STEM_LETTERS and long.startswith(short) and ending in DEMONYM_ENDINGS

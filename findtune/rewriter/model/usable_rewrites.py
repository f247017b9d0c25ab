"""Which sampled rewrites can be searched."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from findtune.core.text import words
from findtune.rewriter.model.entities import extract_entities, keeps_entities
from findtune.rewriter.model.lexicon import Lexicon

REPEATED_WORDS = 3  # a rewrite with the same sequence of this many words twice is repetitive


def usable_rewrites(
    question: str, samples: Iterable[str], lexicon: Lexicon, history: Sequence[str] = ()
) -> list[str]:
    """Return the distinct samples that can be searched, in their order.

    A usable rewrite is not a copy of the question, is not repetitive, keeps the question's
    entities, and has only words of the session's questions or the lexicon. A question without words
    asks for nothing, so every rewrite of it would be made up. history: earlier questions of the
    session.
    """
    if not words(question):
        return []
    entities = extract_entities(question, lexicon.names)
    usable: dict[tuple[str, ...], str] = {}
    for rewrite in samples:
        if not rewrite or is_copy(question, rewrite) or is_repetitive(question, rewrite):
            continue
        if not keeps_entities(rewrite, entities, lexicon.names):
            continue
        if lexicon.knows(rewrite, question, history):
            usable.setdefault(word_sequence(rewrite), rewrite)
    return list(usable.values())


def word_sequence(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, or the text itself if it has no words."""
    return tuple(word.casefold() for word in words(text)) or (text,)


def is_copy(question: str, rewrite: str) -> bool:
    """Return whether a rewrite has the question's words in the same order, so adds nothing."""
    return word_sequence(question) == word_sequence(rewrite)


def is_repetitive(question: str, rewrite: str) -> bool:
    """Return whether a rewrite has a word twice in a row, or a sequence of words twice.

    A word that the question itself has twice in a row may be a name, such as Bora Bora.
    """
    sequence = word_sequence(rewrite)
    starts = range(len(sequence) - REPEATED_WORDS + 1)
    parts = [sequence[start : start + REPEATED_WORDS] for start in starts]
    doubled = doubled_words(sequence) - doubled_words(word_sequence(question))
    return bool(doubled) or len(set(parts)) < len(parts)


def doubled_words(sequence: Sequence[str]) -> set[str]:
    """Return the words that occur twice in a row."""
    return {word for word, following in pairwise(sequence) if word == following}

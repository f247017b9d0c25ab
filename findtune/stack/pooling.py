"""Pooling: people grade the unjudged documents that the compared pipelines rank first.

What users were shown came from one engine, so a new pipeline finds documents that nobody judged.
They count as irrelevant, which favours pipelines like that engine. Pooling corrects this: people
grade the first documents of every compared pipeline, without knowing which pipeline found which.
Source: Sparck Jones and van Rijsbergen 1975; Buckley and Voorhees, SIGIR 2004, on measures without
pooling.

On dev, where the choice is made, every cell is pooled: pooling only some would favour them. On test
only the chosen and the untuned cell are ever ranked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from findtune.core.text import hash_fraction
from findtune.stack.evaluate import Evaluation
from findtune.stack.grid import Rankings
from findtune.stack.held_out import HELD_OUT, Question
from findtune.stack.measures import TOP


class Ungraded(NamedTuple):
    """A document that needs a grade, and the question that found it."""

    question: Question
    url: str


def ungraded(evaluation: Evaluation) -> list[Ungraded]:
    """Return the documents of dev and test that people should grade, by question.

    Questions and documents are ordered by a hash, so the order does not reveal a cell.
    """
    pairs = [
        pair
        for split in HELD_OUT
        for pair in ungraded_of(evaluation.rankings[split], getattr(evaluation.held_out, split))
    ]
    return sorted(pairs, key=lambda pair: (hash_fraction(pair.question.query), place(pair)))


def place(pair: Ungraded) -> float:
    """Return the position of a document among those of its question, in [0, 1)."""
    return hash_fraction(f"{pair.question.query}\n{pair.url}")


def ungraded_of(rankings: Rankings, questions: Sequence[Question]) -> Iterator[Ungraded]:
    """Yield the first documents of each ranking that need a grade."""
    for row, question in enumerate(questions):
        tops = (ranking[row][:TOP] for ranking in rankings.values())
        urls = dict.fromkeys([*needed_picks(question), *(url for top in tops for url in top)])
        yield from (Ungraded(question, url) for url in urls if needs_grade(url, question))


def needed_picks(question: Question) -> list[str]:
    """Return the picks that would stop counting once a question has grades."""
    return [] if any(question.grades.values()) else question.picks


def needs_grade(url: str, question: Question) -> bool:
    """Return whether a document of a question needs a grade.

    If its lists have grades, a document needs one unless it was shown, picked or graded. If they
    have only picks, every ungraded document does: one that users passed over may be relevant.
    """
    if any(question.grades.values()):
        return url not in question.assessed
    return url not in question.all_grades


def rows(pairs: Sequence[Ungraded], texts: Mapping[str, str], length: int) -> Iterator[list[str]]:
    """Yield query, history, url, text, and an empty grade; a text is cut to `length` characters."""
    for question, url in pairs:
        history = " | ".join(question.history)
        yield [question.query, history, url, texts[url][:length], ""]

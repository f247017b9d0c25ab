"""Which documents people should grade: those that the pipelines rank first, and nobody judged.

What users were shown came from some engine, so a new pipeline finds documents that nobody judged.
They count as irrelevant, which favours pipelines like that engine. Pooling mends that: people grade
the first documents of every compared pipeline, without knowing which found which. Source: Sparck
Jones and van Rijsbergen 1975; Buckley and Voorhees, SIGIR 2004, on measures without it.

On dev, where the choice is made, every cell is pooled: grades for some would favour them. On test
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
    """A document that awaits a grade, and the question that found it."""

    question: Question
    url: str


def ungraded(evaluation: Evaluation) -> list[Ungraded]:
    """Return what people should grade of dev and test, by question.

    The order of questions and of documents is that of a hash, so neither tells a cell.
    """
    pairs = [
        pair
        for split in HELD_OUT
        for pair in ungraded_of(evaluation.rankings[split], getattr(evaluation.held_out, split))
    ]
    return sorted(pairs, key=lambda pair: (hash_fraction(pair.question.query), place(pair)))


def place(pair: Ungraded) -> float:
    """Return where a document stands among those of its question, from 0 to 1."""
    return hash_fraction(f"{pair.question.query}\n{pair.url}")


def ungraded_of(rankings: Rankings, questions: Sequence[Question]) -> Iterator[Ungraded]:
    """Yield the first documents of each ranking that need a grade."""
    for row, question in enumerate(questions):
        tops = (ranking[row][:TOP] for ranking in rankings.values())
        urls = dict.fromkeys([*needed_picks(question), *(url for top in tops for url in top)])
        yield from (Ungraded(question, url) for url in urls if needs_grade(url, question))


def needed_picks(question: Question) -> list[str]:
    """Return the picks that would count no more once a question has grades."""
    return [] if any(question.grades.values()) else question.picks


def needs_grade(url: str, question: Question) -> bool:
    """Return whether nobody judged a document of a question.

    Where a list has grades, what was shown without one answers nothing. Where it has only picks,
    all needs a grade: what a user passed over may be relevant, too.
    """
    if any(question.grades.values()):
        return url not in question.assessed
    return url not in question.all_grades


def rows(pairs: Sequence[Ungraded], texts: Mapping[str, str], length: int) -> Iterator[list[str]]:
    """Yield query, history, url, text, and an empty grade; a text is cut to `length` characters."""
    for question, url in pairs:
        history = " | ".join(question.history)
        yield [question.query, history, url, texts[url][:length], ""]

"""Pooling: people grade the unjudged documents that the compared pipelines rank first.

What users were shown came from one engine, so a new pipeline finds documents that nobody judged.
They count as irrelevant, which favours pipelines like that engine. Pooling corrects this: people
grade the first documents of every compared pipeline, without knowing which pipeline found which.
Source: Sparck Jones and van Rijsbergen 1975; Buckley and Voorhees, SIGIR 2004, on measures without
pooling.

On dev, where the choice is made, every cell is pooled: pooling only some would favour them. On test
only the chosen and the untuned cell are ever ranked.

The stage `stack` writes the pool, so that listing it needs no model.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.stack.held_out import HELD_OUT, HeldOut, Question
from findtune.stack.measures import TOP

Ranking = Sequence[str]  # URLs, best first
Pool = Mapping[str, Sequence[str]]  # query -> URLs that some pipeline ranks first


class Ungraded(NamedTuple):
    """A document that needs a grade, and the question that found it."""

    question: Question
    url: str


def pool_documents(
    held_out: HeldOut, rankings: Mapping[str, Mapping[object, Sequence[Ranking]]]
) -> Iterator[Record]:
    """Yield the pool of each held-out question: {query, urls}, the first documents of any cell.

    rankings: split -> cell -> the ranking of each question. Questions and documents are ordered by
    a hash, so the order does not reveal a cell.
    """
    pooled = {
        question.query: {url for ranking in by_cell for url in ranking[:TOP]}
        for split in HELD_OUT
        for question, *by_cell in zip(
            getattr(held_out, split), *rankings[split].values(), strict=True
        )
    }
    for query in sorted(pooled, key=hash_fraction):
        yield {"query": query, "urls": sorted(pooled[query], key=lambda url: place(query, url))}


def place(query: str, url: str) -> float:
    """Return the position of a document among those of its question, in [0, 1)."""
    return hash_fraction(f"{query}\n{url}")


def ungraded(held_out: HeldOut, pooled: Pool) -> list[Ungraded]:
    """Return the documents of a pool that people should grade, by question."""
    by_query = {question.query: question for question in chain(held_out.dev, held_out.test)}
    questions = [by_query[query] for query in pooled if query in by_query]
    return [
        Ungraded(question, url)
        for question in questions
        for url in sorted(
            {*needed_picks(question), *pooled[question.query]},
            key=lambda url: place(question.query, url),
        )
        if needs_grade(url, question)
    ]


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

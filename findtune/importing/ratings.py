"""Ratings of answers as records of feedback: what thumbs teach and what they do not.

A thumb says that an answer was good or bad. It does not say which source was right, so alone it
teaches none of the three models. Two things can be learned:

- If two answers to one question were rated differently, one was preferred: a record of
  training_data, which is checked and counted.
- If an answer was rated up and cites only some of its sources, the cited ones were useful: a ranked
  list whose picks are the cited sources. The model chose these picks and the user only approved the
  answer, so they are weaker evidence than clicks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.importing.documents import Document
from findtune.importing.pseudonyms import record_id
from findtune.importing.searches import Search
from findtune.importing.tally import Row, Tally
from findtune.ingest.wordings import query_key


@dataclass(frozen=True)
class Rating:
    """An answer and its rating: a higher value is better; `good` is whether it is a thumb up.

    sources: the sources of the answer, in order. cited: URLs of those that it cites. beside: other
    answers that were shown beside it, if the user chose one of several.
    """

    id: str
    query: str
    answer: str
    value: float
    good: bool
    time: str
    session: str
    row: Row
    sources: Sequence[Document] = ()
    cited: Sequence[str] = ()
    beside: Sequence[str] = ()


def cited_searches(ratings: Sequence[Rating]) -> Iterator[Search]:
    """Yield a search for each answer that was rated up and cites some of its sources."""
    for rating in ratings:
        if rating.good and is_choice(rating):
            yield Search(
                rating.id,
                rating.query,
                rating.time,
                rating.session,
                rating.sources,
                rating.cited,
                rating.row,
            )


def is_choice(rating: Rating) -> bool:
    """Return whether an answer cites some of its sources, but not all."""
    return bool(rating.cited) and len({*rating.cited}) < len(rating.sources)


def preferences(source: str, ratings: Sequence[Rating]) -> list[Record]:
    """Return which of two answers was preferred, as records of training_data, one per pair.

    Where both were shown beside each other, only these votes decide.
    """
    votes: dict[str, list[Record]] = defaultdict(list)
    for vote in chosen_beside(source, ratings):
        votes[vote["id"]].append(vote)
    apart = [record for record in rated_apart(source, ratings) if record["id"] not in votes]
    return [*filter(None, map(majority, votes.values())), *apart]


def majority(votes: Sequence[Record]) -> Record | None:
    """Return the first of the votes on one pair that is for the winner; None on a tie."""
    counts = Counter(vote["selected_response"] for vote in votes)
    [(winner, most), *others] = counts.most_common()
    if most in dict(others).values():
        return None
    return next(vote for vote in votes if vote["selected_response"] == winner)


def chosen_beside(source: str, ratings: Sequence[Rating]) -> Iterator[Record]:
    """Yield a record for each rated answer and each other answer shown beside it."""
    for rating in ratings:
        for other in rating.beside:
            if rating.answer and other and other != rating.answer:
                pair = (rating.answer, other) if rating.good else (other, rating.answer)
                yield preference(source, rating, *pair)


def rated_apart(source: str, ratings: Sequence[Rating]) -> Iterator[Record]:
    """Yield the best and the worst answer to each question whose answers were rated differently."""
    by_question: dict[str, dict[str, list[Rating]]] = defaultdict(lambda: defaultdict(list))
    for rating in ratings:
        if rating.answer:
            by_question[query_key(rating.query)][rating.answer].append(rating)
    for answers in by_question.values():
        means = {
            answer: fmean(rating.value for rating in rated) for answer, rated in answers.items()
        }
        best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
        if means[best] > means[worst]:
            yield preference(source, answers[best][0], best, worst)


def preference(source: str, rating: Rating, preferred: str, other: str) -> Record:
    """Return a record of training_data; a hash decides which answer comes first."""
    first, second = sorted((preferred, other), key=lambda answer: record_id(source, answer))
    record: Record = {
        "id": record_id(source, normalize(rating.query), first, second),
        "query": rating.query,
        "response1": first,
        "response2": second,
        "selected_response": "response1" if first == preferred else "response2",
        "timestamp": rating.time,
    }
    return {name: value for name, value in record.items() if value}


def note_lessons(ratings: Sequence[Rating], pairs: int, tally: Tally) -> None:
    """Note how many ratings teach something and what the others lack."""
    if not ratings:
        return
    up = sum(rating.good for rating in ratings)
    picks = sum(rating.good and is_choice(rating) for rating in ratings)
    bare = sum(not rating.sources for rating in ratings)
    tally.notes.append(
        f"{len(ratings):,} ratings ({up:,} up, {len(ratings) - up:,} not): {picks:,} became ranked "
        f"lists (rated up, some of the sources cited), {pairs:,} preferences between two answers"
    )
    if bare:
        tally.notes.append(
            f"{bare:,} ratings name no source. A thumb says that an answer was good or bad, not "
            "which source was right: no model learns from it. Log the sources, and what users open"
        )

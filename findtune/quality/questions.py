"""Repeated questions, and whether users who ask nearly the same pick the same sources."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from findtune.core.records import Record
from findtune.core.text import near_duplicate_key, normalize

MAX_LISTS = 10  # of one question that are compared with each other

uncached_key = near_duplicate_key.__wrapped__


class Repetition(NamedTuple):
    """Numbers of questions, of wordings, and of wordings that are not near-duplicates."""

    questions: int
    wordings: int
    different: int


class Agreement(NamedTuple):
    """Pairs of lists of nearly the same question, or of one topic.

    questions: those of several lists. pairs: those in which both users picked a source that the
    other was shown too. agree: pairs with a common pick. same_first: pairs with the same first pick
    among what both were shown.
    """

    questions: int
    pairs: int
    agree: int
    same_first: int


def count_repetition(questions: Sequence[str]) -> Repetition:
    """Return how often questions repeat, in the same words and in nearly the same."""
    wordings = {normalize(question) for question in questions}
    return Repetition(len(questions), len(wordings), len({*map(uncached_key, wordings)}))


def measure_agreement(ranked_lists: Iterable[Record]) -> Agreement:
    """Return how much users who ask nearly the same agree; ranked_lists: clean ones."""
    by_question: dict[str, list[Record]] = defaultdict(list)
    for record in ranked_lists:
        by_question[record.get("topic") or uncached_key(record["query"])].append(record)
    repeated = [records for records in by_question.values() if len(records) > 1]
    pairs = [
        pair
        for records in repeated
        for first, second in combinations(records[:MAX_LISTS], 2)
        if (pair := common_picks(first, second))
    ]
    agree = sum(bool({*first} & {*second}) for first, second in pairs)
    same_first = sum(first[0] == second[0] for first, second in pairs)
    return Agreement(len(repeated), len(pairs), agree, same_first)


def common_picks(first: Record, second: Record) -> tuple[list[str], list[str]] | None:
    """Return the picks of two lists among what both showed; None if one of them has none."""
    both = urls(first) & urls(second)
    picks = tuple([url for url in each["picks"] if url in both] for each in (first, second))
    return (picks[0], picks[1]) if all(picks) else None


def urls(record: Record) -> set[str]:
    """Return the URLs that a list showed."""
    return {source["url"] for source in record["sources"]}


def count_documents_under_two_urls(ranked_lists: Iterable[Record]) -> int:
    """Return how many URLs show a title and a snippet that another URL shows too."""
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in ranked_lists:
        for source in record["sources"]:
            if source["snippet"]:
                owners[source["title"], source["snippet"]].add(source["url"])
    return sum(len(members) for members in owners.values() if len(members) > 1)

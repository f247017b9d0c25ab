"""What the pipelines rank first and nobody judged is graded, and nobody sees which found it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from findtune.retrieval.corpus import Corpus
from findtune.stack.cells import Cell
from findtune.stack.held_out import HeldOut, Question
from findtune.stack.measures import TOP
from findtune.stack.pooling import Ungraded, pool_documents, rows, ungraded

WORDS = Cell("question", "bm25", "none")
VECTORS = Cell("question", "base", "none")

Make = Callable[..., Question]


def asked(question: Question, *rankings: list[str], test: bool = False) -> list[str]:
    """Return the URLs that await a grade when cells return these rankings for a question."""
    split, other = ("test", "dev") if test else ("dev", "test")
    cells = dict(zip((WORDS, VECTORS), ([ranking] for ranking in rankings), strict=False))
    questions = {split: [question], other: []}
    held_out = HeldOut(**questions, corpus=Corpus({}, {}))
    return sorted(pair.url for pair in found(held_out, {split: cells, other: {}}))


def found(held_out: HeldOut, rankings: Mapping[str, Any]) -> list[Ungraded]:
    """Return what needs a grade, as `make grade` does: by the pool that the stage writes."""
    return ungraded(
        held_out, {row["query"]: row["urls"] for row in pool_documents(held_out, rankings)}
    )


@pytest.mark.parametrize("test", [False, True])
def test_the_first_documents_of_every_pipeline_are_graded_once(
    make_question: Make, test: bool
) -> None:
    question = make_question("tea?", picks=["tea"], grades={"tea": 2}, shown={"tea", "milk"})
    assert asked(question, ["tea", "rice"], ["milk", "rice", "jobs"], test=test) == ["jobs", "rice"]


def test_documents_further_down_are_not_graded(make_question: Make) -> None:
    question = make_question("tea?", grades={"tea": 2})
    ranking = [f"{number:02}" for number in range(TOP + 5)]
    assert asked(question, ranking) == ranking[:TOP]


def test_what_was_graded_after_a_search_is_not_graded_again(make_question: Make) -> None:
    question = make_question("tea?", grades={"tea": 2}, search_grades={"rice": 0})
    assert asked(question, ["tea", "rice", "jobs"]) == ["jobs"]


def test_where_a_list_has_only_picks_these_and_what_was_passed_over_are_graded_too(
    make_question: Make,
) -> None:
    question = make_question("tea?", picks=["tea"], shown={"tea", "milk"})
    assert asked(question, ["milk", "jobs"]) == ["jobs", "milk", "tea"]


def test_the_order_of_rows_does_not_depend_on_the_pipelines(make_question: Make) -> None:
    question = make_question("tea?", grades={"tea": 2}, history=["milk?", "cups?"])
    texts = {name: f"All of {name}." for name in "abcdefgh"}

    def listed(*rankings: list[str]) -> list[list[str]]:
        cells = {cell: [r] for cell, r in zip((WORDS, VECTORS), rankings, strict=True)}
        held_out = HeldOut([question], [], Corpus(texts, {}))
        return [*rows(found(held_out, {"dev": cells, "test": {}}), texts, length=6)]

    one = listed(["a", "b", "c", "d"], ["e", "f", "g", "h"])
    assert one == listed(["h", "e", "a"], ["g", "f", "d", "c", "b"])
    assert [row[0] for row in one] == ["tea?"] * 8
    assert one[0][1:] == ["milk? | cups?", one[0][2], "All of", ""]
    assert [row[2] for row in one] != sorted(texts)


def test_a_question_that_was_not_searched_needs_no_grades(make_question: Make) -> None:
    question = make_question("tea?", picks=["tea"])
    assert ungraded(HeldOut([question], [], Corpus({}, {})), {"milk?": ["milk"]}) == []

"""What the pipelines rank first and nobody judged is graded, and nobody sees which found it."""

from collections.abc import Callable

import pytest

from findtune.retrieval.corpus import Corpus
from findtune.stack.cells import Cell
from findtune.stack.evaluate import Evaluation
from findtune.stack.held_out import HeldOut, Question
from findtune.stack.measures import TOP
from findtune.stack.pooling import rows, ungraded
from findtune.stack.selection import Choice

WORDS = Cell("question", "bm25", "none")
VECTORS = Cell("question", "base", "none")

Make = Callable[..., Question]


def asked(question: Question, *rankings: list[str], test: bool = False) -> list[str]:
    """Return the URLs that await a grade when cells return these rankings for a question."""
    split, other = ("test", "dev") if test else ("dev", "test")
    cells = dict(zip((WORDS, VECTORS), ([ranking] for ranking in rankings), strict=False))
    questions = {split: [question], other: []}
    evaluation = Evaluation(
        HeldOut(**questions, corpus=Corpus({}, {})),
        {},
        {},
        Choice(VECTORS, WORDS),
        {},
        {},
        [],
        {split: cells, other: {}},
    )
    return sorted(pair.url for pair in ungraded(evaluation))


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
        choice = Choice(VECTORS, WORDS)
        evaluation = Evaluation(held_out, {}, {}, choice, {}, {}, [], {"dev": cells, "test": {}})
        return [*rows(ungraded(evaluation), texts, length=6)]

    one = listed(["a", "b", "c", "d"], ["e", "f", "g", "h"])
    assert one == listed(["h", "e", "a"], ["g", "f", "d", "c", "b"])
    assert [row[0] for row in one] == ["tea?"] * 8
    assert one[0][1:] == ["milk? | cups?", one[0][2], "All of", ""]
    assert [row[2] for row in one] != sorted(texts)

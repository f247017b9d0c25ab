"""Judgments are read as people wrote them: a bad grade is rejected and never loses a good one."""

import json
from typing import Any

import pytest

from findtune.core.errors import InputError

FILE = "data/training_data/judgments.json"
TEA, RICE = "https://example.org/tea", "https://example.org/rice"


def read(project: Any, content: object) -> Any:
    """Return the outcome of a file of judgments; its bytes may be given."""
    raw = content if isinstance(content, bytes) else json.dumps(content)
    project.write("training_data/judgments.json", raw)
    return project.read("judgments")


def grades(outcome: Any) -> dict[str, dict[str, int]]:
    return {record["query"]: record["grades"] for record in outcome.records}


def test_good_judgments_stay_as_they_are_in_the_order_of_the_file(project: Any) -> None:
    judgments = {"wie süß?": {TEA: 1}, "how much tea?": {TEA: 3, RICE: 0}}
    outcome = read(project, judgments)
    assert [*grades(outcome).items()] == [*judgments.items()]
    assert outcome.counts == {"queries": 2, "judgments": 3}
    assert outcome.rows == []


def test_judgments_may_be_missing(project: Any) -> None:
    outcome = project.read("judgments")
    assert (outcome.records, outcome.rows) == ([], [])
    assert outcome.counts == {"queries": 0, "judgments": 0}


@pytest.mark.parametrize("grade", [101, 2**40, -1, 2.0, True, "3", None, [3]])
def test_a_grade_that_is_no_whole_number_is_rejected(project: Any, grade: Any) -> None:
    outcome = read(project, {"milk?": {TEA: 1}, "how much tea?": {RICE: grade, TEA: 3}})
    assert grades(outcome) == {"milk?": {TEA: 1}, "how much tea?": {TEA: 3}}
    assert outcome.counts == {"queries": 2, "judgments": 2, "rejected": 1}
    [row] = outcome.rows
    assert row[:5] == ("rejected", FILE, 2, "grade", f"{grade!r} of {RICE}")
    remedy = "write a whole number from 0, which answers nothing, to 100"
    assert str(outcome.first_rejects[0]) == f"{FILE}, record 2, grade: {row.reason}; {remedy}."


@pytest.mark.parametrize("value", [3, None, [TEA], "\ud800"])
def test_a_query_without_grades_is_rejected(project: Any, value: Any) -> None:
    outcome = read(project, {"milk?": {TEA: 1}, "how much tea?": value})
    assert grades(outcome) == {"milk?": {TEA: 1}}
    [row] = outcome.rows
    assert (row.line, row.column, row.remedy) == (2, "query", "write {url: grade}")
    row.value.encode()


@pytest.mark.parametrize("query", ["  how  much\ttea? ", "how\u00a0much tea?", "how much\x07tea?"])
def test_a_query_is_spelled_as_in_clean_feedback(project: Any, query: str) -> None:
    assert grades(read(project, {query: {f" {TEA} ": 2}})) == {"how much tea?": {TEA: 2}}


@pytest.mark.parametrize("first", ["tea?", "tea? ", "  tea?"])
def test_a_query_that_comes_twice_has_the_grades_of_both(project: Any, first: str) -> None:
    content = f'\ufeff{{"{first}": {{"{TEA}": 1}}, "tea?": {{"{RICE}": 2}}}}'
    assert grades(read(project, content.encode())) == {"tea?": {TEA: 1, RICE: 2}}


BROKEN = {
    "a list": (b"[1]", "holds a list"),
    "truncated": (b'{"tea?": {\n  "a":', "line 2, column 7: not JSON"),
    "empty": (b"", "line 1, column 1: not JSON"),
    "too deep": (b"[" * 100_000, "nested too deeply"),
    "a long number": (b'{"tea?": {"a": 1' + b"0" * 5000 + b"}}", "not JSON that can be read"),
    "latin-1": (b'{"mat\xe9?": {}}', "byte 5 is not UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_can_not_be_read_is_refused(project: Any, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"{FILE}.*{message}"):
        read(project, content)

"""Judgments are read as people wrote them: a bad grade is told, and takes no good one with it."""

import csv
import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from findtune.errors import InputError
from findtune.judgments import checked, write_clean
from findtune.sources import Limits
from findtune.tables import Note

LIMITS = Limits(longest_text=200, most_sources=10, max_rejected=0.5)
TEA, RICE = "https://example.org/tea", "https://example.org/rice"


def clean(data: Path, content: object, limits: Limits = LIMITS) -> tuple[Counter[str], list[Note]]:
    """Return what is told of a file of judgments; its bytes may be given as they are."""
    path = data / "training_data" / "judgments.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return write_clean(kind="judgments", data=data, limits=limits, bar=None)


def outputs(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data / "clean" / "reranker").glob("*")}


def judged(data: Path) -> Any:
    return json.loads(outputs(data)["judgments.json"])


def test_good_judgments_come_out_as_they_are(tmp_path: Path) -> None:
    given = {"how much tea?": {TEA: 3, RICE: 0}, "wie süß?": {TEA: 1}}
    counts, notes = clean(tmp_path, given)
    assert judged(tmp_path) == given
    assert counts == {"questions": 2, "judgments": 3, "rejected": 0}
    assert notes == []
    assert json.loads(outputs(tmp_path)["judgments.counts.json"]) == counts
    assert "wie süß?".encode() in outputs(tmp_path)["judgments.json"]


def test_no_judgments_are_none(tmp_path: Path) -> None:
    counts, notes = write_clean(kind="judgments", data=tmp_path, limits=LIMITS, bar=None)
    assert judged(tmp_path) == {}
    assert not +counts
    assert notes == []


@pytest.mark.parametrize("grade", [101, 2**40, -1, 1.5, 2.0, True, "3", None, [3], {"grade": 3}])
def test_a_grade_that_is_no_whole_number_is_told_and_left_out(tmp_path: Path, grade: Any) -> None:
    given = {"milk?": {TEA: 1}, "how much tea?": {RICE: grade, TEA: 3}}
    counts, [note] = clean(tmp_path, given)
    assert judged(tmp_path) == {"milk?": {TEA: 1}, "how much tea?": {TEA: 3}}
    assert counts == {"questions": 2, "judgments": 2, "rejected": 1}
    assert note[:2] == ("rejected", f"{tmp_path}/training_data/judgments.json")
    assert (note.line, note.column, note.value) == (2, "grade", f"{grade!r} of {RICE}")


@pytest.mark.parametrize("grades", [3, None, [TEA], "tea"])
def test_a_question_without_grades_is_told_and_left_out(tmp_path: Path, grades: Any) -> None:
    _, [note] = clean(tmp_path, {"milk?": {TEA: 1}, "how much tea?": grades})
    assert judged(tmp_path) == {"milk?": {TEA: 1}}
    assert (note.line, note.column) == (2, "question")
    assert "write {url: grade}" in str(note)


def test_a_note_tells_the_questions_number_and_not_what_was_written() -> None:
    _, [note] = checked({"milk?": {}, "how much tea?": {TEA: "secret"}}, "judgments.json")
    assert str(note).startswith("judgments.json, record 2, grade: a string in place of a grade;")
    assert "secret" not in str(note)


def test_the_notes_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    grades = [f"bad {at}" for at in range(40)]
    many = {f"https://example.org/{at}": grade for at, grade in enumerate(grades)}
    clean(tmp_path, {"tea?": many}, LIMITS.model_copy(update={"max_rejected": 1}))
    text = outputs(tmp_path)["judgments.notes.csv"].decode()
    told = [f"{grade!r} of {url}" for url, grade in many.items()]
    assert [note["value"] for note in csv.DictReader(StringIO(text))] == told


@pytest.mark.parametrize(
    "question", ["  how  much\ttea? ", "how\u00a0much tea?", "how much\x07tea?"]
)
def test_a_question_is_written_as_feedback_has_it(tmp_path: Path, question: str) -> None:
    clean(tmp_path, {question: {f" {TEA} ": 2}})
    assert judged(tmp_path) == {"how much tea?": {TEA: 2}}


def test_two_writings_of_a_question_are_one_with_the_grades_of_both(tmp_path: Path) -> None:
    clean(tmp_path, {"tea  now?": {TEA: 2}, "tea now?": {RICE: 1}})
    assert judged(tmp_path) == {"tea now?": {TEA: 2, RICE: 1}}


def test_a_question_that_stands_twice_has_the_grades_of_both(tmp_path: Path) -> None:
    clean(tmp_path, f'{{"tea?": {{"{TEA}": 1}}, "tea?": {{"{RICE}": 2}}}}'.encode())
    assert judged(tmp_path) == {"tea?": {TEA: 1, RICE: 2}}


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    given = {"tea?": {TEA: 1, RICE: "?"}, "milk?": {RICE: 0, TEA: 2}}
    clean(tmp_path, given)
    first = outputs(tmp_path)
    clean(tmp_path, dict(reversed(given.items())) | {"tea?": {RICE: "?", TEA: 1}})
    assert outputs(tmp_path)["judgments.json"] == first["judgments.json"]
    clean(tmp_path, given)
    assert outputs(tmp_path) == first


def test_more_rejects_than_allowed_stop_the_run_and_tell_which_limit_it_was(tmp_path: Path) -> None:
    bad = {f"question {at}": 0 for at in range(7)}
    with pytest.raises(InputError, match="7 of 8 judgments were rejected") as told:
        clean(tmp_path, {"tea?": {TEA: 1}, **bad})
    assert "more than feedback.max_rejected = 0.5" in str(told.value)
    assert str(told.value).count(", record ") == 5
    assert "judgments.notes.csv" in str(told.value)
    assert set(outputs(tmp_path)) == {"judgments.notes.csv", "judgments.counts.json"}


BROKEN = {
    "a list": (b"[1]", "holds a list"),
    "a number": (b"3", "holds a int"),
    "broken off": (b'{"tea?": {\n  "a":', "line 2, column 7: not JSON"),
    "nothing": (b"", "line 1, column 1: not JSON"),
    "too deep": (b"[" * 100_000, "nested too deep"),
    "a number without end": (
        b'{"tea?": {"a": 1' + b"0" * 5000 + b"}}",
        "not JSON that can be read",
    ),
    "latin-1": ('{"maté?": {}}'.encode("latin-1"), "byte 5 is not UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_can_not_be_read_stops_the_run(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as told:
        clean(tmp_path, content)
    assert "judgments.json" in str(told.value)
    assert outputs(tmp_path) == {}


def test_the_mark_of_spreadsheets_is_no_mistake(tmp_path: Path) -> None:
    clean(tmp_path, b'\xef\xbb\xbf{"tea?": {}}')
    assert judged(tmp_path) == {"tea?": {}}

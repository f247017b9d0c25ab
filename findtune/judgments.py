"""Judgments: how well sources answer a question, graded by people who read them.

Read from data/training_data/judgments.json, `{question: {url: grade}}`; 0 answers nothing.
No example is made of them: they measure, and those of dev's questions help the rewriter to decide
what it keeps. There may be none.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from findtune.errors import InputError
from findtune.files import write_json
from findtune.sources import Limits, RecordNote, legible, sort_of
from findtune.tables import Note, write_notes

__all__ = ["Limits", "write_clean"]
# One file for two rooms, so that neither is made anew for the other's sake.
ROOMS = {"judgments": "reranker", "qrels": "rewriter"}
TOLD = 5  # rejects that a message repeats
MOST = 100  # a grade; no measure overflows
LONGEST = 200  # characters of a bad value that its note repeats
Judgments = dict[str, dict[str, int]]


def write_clean(
    *, kind: str, data: Path, limits: Limits, bar: object
) -> tuple[Counter[str], list[Note]]:
    """Write the good judgments, the notes and the counts; return counts and rejects.

    Raises InputError for a file that is no JSON object, and for too many rejects.
    """
    source = data / "training_data" / "judgments.json"
    path = data / "clean" / ROOMS[kind] / f"{kind}.json"
    judged, notes = checked(read(source), source.as_posix())
    total = sum(map(len, judged.values()))
    counts = Counter(questions=len(judged), judgments=total, rejected=len(notes))
    write_notes(path.with_suffix(".notes.csv"), notes)
    write_json(path.with_suffix(".counts.json"), counts)
    if len(notes) > limits.max_rejected * (total + len(notes)):
        first = "\n  ".join(map(str, notes[:TOLD]))
        raise InputError(
            f"{len(notes)} of {total + len(notes)} judgments were rejected, more than "
            f"feedback.max_rejected = {limits.max_rejected:g}.\n  {first}\nAll of them are in "
            f"{path.with_suffix('.notes.csv')}."
        )
    write_json(path, judged)
    return counts, notes


def read(path: Path) -> dict[str, Any]:
    """Return the object in a file, or an empty one where there is no file."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=joined)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        place = f"{path}, line {error.lineno}, column {error.colno}"
        raise InputError(f"{place}: not JSON ({error.msg}); mend it there.") from None
    except (RecursionError, ValueError) as error:
        told = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{path}: not JSON that can be read ({told}); mend it.") from None
    if not isinstance(found, dict):
        raise InputError(
            f"{path} holds a {type(found).__name__}; it must be {{question: {{url: grade}}}}."
        )
    return found


def joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; what stands under one key twice is joined."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        before = found.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        found[key] = {**before, **value} if both else value  # type: ignore[dict-item]
    return found


def checked(found: dict[str, Any], file: str) -> tuple[Judgments, list[Note]]:
    """Return the good judgments, and a note for each bad one; questions count from 1."""
    judged: Judgments = {}
    notes: list[Note] = []
    for number, (question, grades) in enumerate(found.items(), start=1):
        if not isinstance(grades, dict):
            remedy = "write {url: grade}"
            notes.append(rejected(file, number, "question", grades, "no grades", remedy))
            continue
        good = {url.strip(): grade for url, grade in grades.items() if is_grade(grade)}
        for url, grade in grades.items():
            if not is_grade(grade):
                reason = f"{sort_of(grade)} in place of a grade"
                remedy = f"write a whole number from 0, which answers nothing, to {MOST}"
                value = f"{grade!r} of {url}"
                notes.append(rejected(file, number, "grade", value, reason, remedy))
        judged.setdefault(legible(question), {}).update(good)
    return judged, notes


def is_grade(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def rejected(file: str, number: int, column: str, value: object, reason: str, remedy: str) -> Note:
    return RecordNote("rejected", file, number, column, str(value)[:LONGEST], reason, remedy)

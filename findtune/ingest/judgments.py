"""Judgments: reads the grades that people gave to documents for how well they answer a query.

Read from data/training_data/judgments.json, `{query: {url: grade}}`; grade 0 answers nothing. The
file is optional. The reranker learns the grades of documents in its lists; elsewhere grades only
select and measure models. Questions and addresses that the feedback has are written as it spells
them.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.ingest.data_files import open_packed, printable_path
from findtune.ingest.feedback import FOLDER, JUDGMENTS, judgment_files
from findtune.ingest.fields import typed_line
from findtune.ingest.file_contents import (
    CONFLICT,
    CONFLICT_REMEDY,
    is_conflict_mark,
    refuse_no_text,
)
from findtune.ingest.judged_spellings import Spellings
from findtune.ingest.limits import FeedbackLimits
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import (
    Advance,
    FileReportRow,
    IngestReport,
    RecordReportRow,
    json_type,
)
from findtune.ingest.wordings import query_key
from findtune.pages.masking import mask

MAX_GRADE = 100  # no measure overflows with it
UNMATCHED_COUNTS = ("queries_in_no_log", "judgments_never_shown")
UNMATCHED = "they measure nothing; write questions and addresses as they are logged"
HIGHER = "the higher one counts; keep the correct one"
MAX_VALUE_CHARS = 200  # of a bad value in the report
SHOWN_GRADE = re.compile(r"[\w.,:/%+-]{0,20}")  # one word or number, on the screen
GRADE_REMEDY = f"write a whole number from 0, which answers nothing, to {MAX_GRADE}"
NESTED = "write {query: {url: grade}}, with no key around the questions"

Grades = dict[str, int]  # url -> grade


class JudgmentReader:
    """Reads the judgments. Raises InputError for a file that is not a JSON object."""

    required = False

    def files(self, data: Path) -> list[Path]:
        """Return the file of judgments if there is one."""
        return judgment_files(data / FOLDER)

    def read(
        self, data: Path, *, limits: FeedbackLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield a record {query, grades} for each query, in the order of the file."""
        grades_by_query: dict[str, Grades] = {}
        for path in self.files(data):
            for number, (query, grades) in enumerate(load_object(path).items(), start=1):
                for each in all_values(grades):
                    if isinstance(each, dict):
                        merged = grades_by_query.setdefault(typed_line(query), {})
                        good = clean_grades(each, path, number=number, report=report)
                        merge_grades(merged, good, report, printable_path(path))
                    else:
                        reject_query(each, path, number=number, report=report)
            advance(path.stat().st_size)
        report.accept_rest()
        judgments = sum(map(len, grades_by_query.values()))
        report.counts.update(queries=len(grades_by_query), judgments=judgments)
        yield from as_logged(grades_by_query, data, report)


def as_logged(
    grades_by_query: dict[str, Grades], data: Path, report: IngestReport, file: str = JUDGMENTS
) -> Iterator[Record]:
    """Yield {query, grades} of a file, spelled as the feedback under a data folder spells them.

    The report counts what no feedback has.
    """
    spellings = Spellings()
    for query, grades in grades_by_query.items():
        spellings.expect(query, grades)
    if grades_by_query:
        spellings.read_feedback(data)
        report_unmatched(grades_by_query, spellings, report, file)
    yield from spell_judgments(grades_by_query, spellings, report, file)


def spell_judgments(
    grades_by_query: dict[str, Grades],
    spellings: Spellings,
    report: IngestReport,
    file: str,
) -> Iterator[Record]:
    """Yield the judgments of a file with questions and addresses as the feedback spells them."""
    spelled: dict[str, Grades] = {}
    for query, grades in grades_by_query.items():
        for name in spellings.spell_query(query):
            logged = [(spellings.spell_address(url), grade) for url, grade in grades.items()]
            merge_grades(spelled.setdefault(name, {}), logged, report, file)
    for query, grades in spelled.items():
        yield {"query": query, "grades": grades}


def merge_grades(
    merged: Grades, grades: Iterable[tuple[str, int]], report: IngestReport, file: str
) -> None:
    """Add grades to those of the same question; of two grades of one address the higher counts."""
    for address, grade in grades:
        first = merged.setdefault(address, grade)
        if first != grade:
            merged[address] = max(first, grade)
            reason = f"the grades {first} and {grade} of one address, or of two spellings of it"
            row = FileReportRow("kept", file, 0, "grade", shorten(address), reason, HIGHER)
            report.add([row])


def report_unmatched(
    grades_by_query: dict[str, Grades],
    spellings: Spellings,
    report: IngestReport,
    file: str,
) -> None:
    """Report how many questions and addresses no feedback has; they measure nothing."""
    if not spellings.read:
        return
    queries = [query for query in grades_by_query if not spellings.queries[query_key(query)]]
    urls = [
        url for grades in grades_by_query.values() for url in grades if not spellings.was_shown(url)
    ]
    total = sum(map(len, grades_by_query.values()))
    for column, unmatched, reason in (
        ("query", queries, f"{len(queries):,} of {len(grades_by_query):,} questions are in no log"),
        ("grade", urls, f"{len(urls):,} of {total:,} judgments are of an address never shown"),
    ):
        if unmatched:
            place = (file, 0, column, shorten(unmatched[0]))
            report.add_notes([FileReportRow("kept", *place, reason, UNMATCHED)])
    report.counts.update(
        {
            name: len(unmatched)
            for name, unmatched in zip(UNMATCHED_COUNTS, (queries, urls), strict=True)
            if unmatched
        }
    )


def load_object(path: Path) -> dict[str, Any]:
    """Return the object in a file; raise InputError if it holds anything else."""
    try:
        with open_packed(path) as file:
            raw = file.read()
        refuse_no_text(raw[:1000], printable_path(path))
        text = raw.decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=merge_pairs)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{printable_path(path)}: byte {error.start} is not UTF-8; save it as UTF-8."
        ) from None
    except json.JSONDecodeError as error:
        place = f"{printable_path(path)}, line {error.lineno}, column {error.colno}"
        if is_conflict_mark(text[error.pos :]):
            raise InputError(f"{place}: {CONFLICT}; {CONFLICT_REMEDY}.") from None
        raise InputError(f"{place}: not JSON ({error.msg}); correct it there.") from None
    except (RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(
            f"{printable_path(path)}: not JSON that can be read ({reason}); correct it."
        ) from None
    if not isinstance(content, dict):
        form = "{query: {url: grade}}"
        raise InputError(f"{printable_path(path)} holds {json_type(content)}; it must be {form}.")
    return content


class Repeated(list[Any]):
    """The values of a key that comes several times in one JSON object."""


def merge_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object in which a key that comes several times has all its values."""
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return {key: each[0] if len(each) == 1 else Repeated(each) for key, each in values.items()}


def all_values(value: object) -> list[Any]:
    """Return the values of a key that may come several times."""
    return [*value] if isinstance(value, Repeated) else [value]


def reject_query(grades: object, path: Path, *, number: int, report: IngestReport) -> None:
    """Report that the query with this number has no grades."""
    place = (printable_path(path), number, "query", shorten(str(grades)))
    row = RecordReportRow("rejected", *place, "a query without grades", "write {url: grade}")
    report.rows_by_file[row.file] += 1
    report.add([row])


def clean_grades(
    grades: dict[str, Any], path: Path, *, number: int, report: IngestReport
) -> list[tuple[str, int]]:
    """Return the good grades of the query with this number, by address, and reject the others."""
    file = printable_path(path)
    listed = [(url, grade) for url in grades for grade in all_values(grades[url])]
    report.rows_by_file[file] += len(listed)
    for document, (url, grade) in enumerate(listed, start=1):
        if not is_grade(grade):
            place = (file, number, "grade", shorten(f"{grade!r} of {url}"))
            fault = f"found {show_grade(grade)} instead of a grade"
            reason = f"{fault}, for document {document} of its question"
            remedy = NESTED if isinstance(grade, dict) else GRADE_REMEDY
            report.add([RecordReportRow("rejected", *place, reason, remedy)])
    return [(to_one_line(url), int(grade)) for url, grade in listed if is_grade(grade)]


def show_grade(grade: object) -> str:
    """Return a bad grade as a message shows it; several words may be a text of a user."""
    if isinstance(grade, str) and SHOWN_GRADE.fullmatch(grade):
        return f"the string {mask(grade)!r}"
    is_number = isinstance(grade, (int, float)) and not isinstance(grade, bool)
    return str(grade)[:MAX_VALUE_CHARS] if is_number else json_type(grade)


def shorten(value: str) -> str:
    """Return a bad value as the report repeats it."""
    return to_one_line(value[:MAX_VALUE_CHARS])


def is_grade(value: object) -> bool:
    """Return whether a value is a whole number from 0 to the highest grade; 2.0 is one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_GRADE

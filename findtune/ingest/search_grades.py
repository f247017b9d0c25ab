"""Search grades: reads how well the top documents of searches answer held-out questions.

Read from data/training_data/search_grades.csv, which `make grade` writes and people fill in:
query,url,grade, and columns that help them read. The file is optional. Only the stack uses the
grades, to choose among its pipelines and for its verdict. A question counts only when all its rows
are graded: grading only some would favor the pipelines whose documents were graded first.
"""

from collections.abc import Iterator
from pathlib import Path

from findtune.core.records import Record
from findtune.ingest.csv_rows import CsvRow, Header, find_csv_files, flag_row, reject_row
from findtune.ingest.feedback import FOLDER, SEARCH_GRADES
from findtune.ingest.fields import typed_line
from findtune.ingest.judgments import GRADE_REMEDY, HIGHER, Grades, as_logged, is_grade
from findtune.ingest.limits import IngestLimits
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import Advance, FileReportRow, IngestReport
from findtune.ingest.review import from_cell
from findtune.ingest.score_scale import parse_score
from findtune.ingest.text_rows import clean_id, read_texts
from findtune.ingest.wordings import query_key

COLUMNS = ("query", "url", "grade")
HEADER = Header(COLUMNS)


class SearchGradeReader:
    """Reads the grades of documents that searches rank first."""

    required = False

    def files(self, data: Path) -> list[Path]:
        """Return the file of search grades if there is one."""
        path = data / FOLDER / SEARCH_GRADES
        return [path] if path in find_csv_files(data / FOLDER) else []

    def read(
        self, data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield a record {query, grades} for each question that was graded completely."""
        grades_by_query: dict[str, Grades] = {}
        unfinished: dict[str, str] = {}  # query -> the place of its first row without a grade
        for path in self.files(data):
            for row in read_texts(
                path, HEADER, limits=limits, report=report, advance=advance, verbatim=COLUMNS
            ):
                add_row(row, grades_by_query, unfinished, report)
        report.accept_rest()
        leave_out(unfinished, grades_by_query, report)
        grades = sum(map(len, grades_by_query.values()))
        report.counts.update(queries=len(grades_by_query), grades=grades)
        yield from as_logged(grades_by_query, data, report, SEARCH_GRADES)


def add_row(
    row: CsvRow,
    grades_by_query: dict[str, Grades],
    unfinished: dict[str, str],
    report: IngestReport,
) -> None:
    """Add the grade in a row; reject a row without a question, an address or a good grade."""
    query, url = (typed_line(from_cell(row.cells[name])) for name in ("query", "url"))
    for column, text in (("query", query), ("url", url)):
        if not text:
            remedy = f"write the {column}, or delete the row"
            reject_row(report, row, column=column, reason="an empty cell", remedy=remedy)
            return
    cell = clean_id(row.cells["grade"])
    grade = parse_score(cell)
    if cell and not is_grade(grade):
        reject_row(report, row, column="grade", reason="no grade", remedy=GRADE_REMEDY)
    grades = grades_by_query.setdefault(query, {})
    if grade is None or not is_grade(grade):
        unfinished.setdefault(query, row.location)
    else:
        add_grade(row, to_one_line(url), int(grade), grades, report)


def add_grade(row: CsvRow, url: str, grade: int, grades: Grades, report: IngestReport) -> None:
    """Add a grade to those of a question; of two grades of one address the higher counts."""
    first = grades.setdefault(url, grade)
    if first != grade:
        grades[url] = max(first, grade)
        reason = f"the grades {first} and {grade} of one address"
        flag_row(report, row, column="grade", value=f"{grade}", reason=reason, remedy=HIGHER)


def leave_out(
    unfinished: dict[str, str], grades_by_query: dict[str, Grades], report: IngestReport
) -> None:
    """Leave out the questions that have a row without a grade, and say how many these are.

    Two spellings that count as one question wait for each other.
    """
    waiting = {*map(query_key, unfinished)}
    for query in [*grades_by_query]:
        if query_key(query) in waiting:
            del grades_by_query[query]
    if waiting:
        report.counts["unfinished_queries"] = len(waiting)
        reason = (
            f"{len(waiting):,} questions have a row without a grade, the first at "
            f"{next(iter(unfinished.values()))}"
        )
        remedy = "they wait until each of their rows has one"
        report.add_notes([FileReportRow("dropped", SEARCH_GRADES, 0, "grade", "", reason, remedy)])

"""A bad row of a CSV file is reported with its line, and never loses a good row."""

import csv
import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from findtune.core.errors import InputError
from findtune.ingest.csv_rows import CsvRow, Header, csv_files, read_rows
from findtune.ingest.report import IngestReport, ReportRow

TEAS = Header(("name", "grade"), aliases={"mark": "grade"})
# One folder serves every example of a property: each example overwrites its only file.
ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
# A byte order mark at the start of a line is none of its text.
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=12)


def read(folder: Path, content: str | bytes) -> tuple[list[CsvRow], list[ReportRow]]:
    """Return the good rows of a file, and the report rows of the first bad ones."""
    path = folder / "teas.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    report, sizes = IngestReport(io.StringIO()), list[int]()
    rows = list(read_rows(path, TEAS, max_row_bytes=100_000, report=report, advance=sizes.append))
    assert sizes == [path.stat().st_size]
    assert report.rejected == len(report.first_rejects)
    return rows, report.first_rejects


GOOD = {
    "a byte order mark": (b"\xef\xbb\xbfname,grade\nAssam,3\n", [(2, "Assam")]),
    "blanks around cells": ("name , grade\n Assam ,\t3 \n", [(2, "Assam")]),
    "blank lines": ("\nname,grade\n\nAssam,3\n  \n\r\nCup,2\n\n", [(4, "Assam"), (7, "Cup")]),
    "empty rows": ("name,grade\n,\nAssam,3\n , \n,\t,,\nCup,2\n", [(3, "Assam"), (6, "Cup")]),
    "empty rows of programs that quote all cells": (
        '"","",""\n"name","grade"\n"",""\n"Assam",3\n" ",""\n"",\n"\n",""\n"Cup","2"\n\ufeff"",""',
        [(4, "Assam"), (9, "Cup")],
    ),
    "empty quoted cells with semicolons": (
        'name;grade\n"";""\n"Assam";"3"\n"" ; ""\nCup;2\n',
        [(3, "Assam"), (5, "Cup")],
    ),
    "no-break spaces alone": ("name,grade\n\u00a0,\nAssam,3\n", [(3, "Assam")]),
    "other columns": ("origin,name,,grade,\nIndia,Assam,x,3,y\n", [(2, "Assam")]),
    "another name of a column": ("name,mark\nAssam,3\n", [(2, "Assam")]),
    "semicolons": ('name;grade\nAssam;3\n;\n"Cup; a";2\n', [(2, "Assam"), (4, "Cup; a")]),
    "tabs": ("grade\tname\n3\tAssam\n\t\n2\tCup, a\n", [(2, "Assam"), (4, "Cup, a")]),
    "bars": ("name|grade\nAssam|3\n", [(2, "Assam")]),
    "a line for spreadsheets": ("sep=;\r\nname;grade\r\nAssam;3\r\n", [(3, "Assam")]),
    "carriage returns": ("name,grade\rAssam,3\rCup,2\r", [(2, "Assam"), (3, "Cup")]),
    "a header in capitals": ("NAME, Grade \nAssam,3\n", [(2, "Assam")]),
    "a byte order mark in a row": ('name,grade\n\ufeff"Assam, a",3\n', [(2, "Assam, a")]),
    "byte order marks alone": (
        b"\xef\xbb\xbf\xef\xbb\xbf\nname,grade\nAssam,3\n\xef\xbb\xbf,\n\xef\xbb\xbf\nCup,2\n\xef\xbb\xbf",
        [(3, "Assam"), (6, "Cup")],
    ),
    "the header again": (
        "name,grade\nAssam,3\nName,GRADE\n\ufeffname,mark\nC,2\n",
        [(2, "Assam"), (5, "C")],
    ),
    "another header": ("name,grade\nAssam,3\ngrade,x,name\n2,1,Cup\n", [(2, "Assam"), (4, "Cup")]),
    "empty cells behind the last": ("name,grade\nAssam,3,,\nCup,2,\n", [(2, "Assam"), (3, "Cup")]),
    "empty cells behind a row of two lines": (
        'name,grade\n"Assam\na",3,,\n"Cup\na","2", ,\n',
        [(2, "Assam\na"), (4, "Cup\na")],
    ),
    "a title": ("Teas of 2025\n\n,,\nname,grade\nAssam,3\n", [(5, "Assam")]),
    "a comment": ("# made by; a tool\nname;grade\nAssam;3\n", [(3, "Assam")]),
    "blanks after quotes": ('name,grade\n"Assam, a" ,"3" \n', [(2, "Assam, a")]),
    "blanks before quotes": ('name, grade\n"Assam, a", "3"\n', [(2, "Assam, a")]),
    "backslashes before quotes": (
        'name,grade\n"an \\"Assam\\", a",3\n"a\\b",2\n',
        [(2, 'an "Assam", a'), (3, "a\\b")],
    ),
    "the end of a file of old systems": ("name,grade\nAssam,3\n\x1a", [(2, "Assam")]),
    "quotes within texts": (
        'name,grade\n6" cup,3\n7" cup,2\n',
        [(2, '6" cup'), (3, '7" cup')],
    ),
    "a quote within a text of tabs": ('name\tgrade\n6" a "cup"\t3\n', [(2, '6" a "cup"')]),
    "the header again in the line of a row": (
        "name,grade\nAssam,3Name,grade\nCup,2\n",
        [(2, "Assam"), (3, "Cup")],
    ),
    "the header again behind a quoted cell and a byte order mark": (
        '"name","mark"\n"Assam","3""name","mark"\n"Cup",2\ufeffname,mark',
        [(2, "Assam"), (3, "Cup")],
    ),
    "the longest row": (f"name,grade\n{'x' * 99_998},3", [(2, "x" * 99_998)]),
}


@pytest.mark.parametrize(("content", "expected"), GOOD.values(), ids=GOOD)
def test_valid_csv_is_read_without_a_reject(
    tmp_path: Path, content: str | bytes, expected: list[tuple[int, str]]
) -> None:
    rows, rejects = read(tmp_path, content)
    assert [(row.line, row.cells["name"]) for row in rows] == expected
    assert {row.file for row in rows} <= {(tmp_path / "teas.csv").as_posix()}
    assert [row.cells["grade"] for row in rows] == ["3", "2"][: len(expected)]
    assert rejects == []


OPEN, CROSSED = "a quote is opened here and never closed", "a quote is opened here and closed in"
LONG = "x" * 60_000
BAD = {
    "latin-1": ("Assam,3\nMat\xe9,1\nCeylon,2\n", [2, 4], [(3, "byte 0xe9 is not UTF-8")]),
    "an open quote": ('Assam,3\n"Earl Grey,1\nCeylon,2\nKeemun,4\n', [2, 4, 5], [(3, OPEN)]),
    "quoted rows after one": ('"Grey,1\n"Cup, a",2\n"A\nB",3\n', [3, 4], [(2, "not CSV")]),
    "two open quotes": ('"Grey,1\nCup,2\n"Lady,4\nAssam,3\n', [3, 5], [(2, "not CSV"), (4, OPEN)]),
    "rows between two": ('A,"1\nB,2\nC,4\nD",5\nE,3\n', [3, 4, 6], [(2, CROSSED), (5, OPEN)]),
    "text after a closing quote": ('"The "Earl" Grey",1\nCup,2\n', [3], [(2, "not CSV")]),
    "too many cells": ("Assam,3\nEarl, Grey,1\nCup,2\n", [2, 4], [(3, "3 cells where the")]),
    "too few cells": ("Assam,3\nEarl Grey\nCup,2\n", [2, 4], [(3, "1 cells where the header has")]),
    "a row in quotes": ('"Assam,3"\nA,2\n', [3], [(2, "the whole line is one quoted cell")]),
    "lines of a latin-1 cell": ('"Tea\nmild, warm\nMat\xe9",1\nCup,2\n', [5], [(2, "byte 0xe9")]),
    "lines of a latin-1 cell and empty cells": (
        '"Tea\nmild, warm\nMat\xe9",1,,\nCup,2\n',
        [5],
        [(2, "byte 0xe9")],
    ),
    "long lines": (f'"{LONG}\nmild, a\n{LONG}",1\nA,2\n', [5], [(2, "a row of 120,014 bytes")]),
    "many lines": ('"' + "leaf, a\n" * 20_000 + '",1\nA,2\n', [20_003], [(2, "a row of 160,005")]),
}


@pytest.mark.parametrize(("content", "good_lines", "expected"), BAD.values(), ids=BAD)
def test_a_bad_row_is_rejected_with_its_line_and_the_others_stay(
    tmp_path: Path, content: str, good_lines: list[int], expected: list[tuple[int, str]]
) -> None:
    rows, rejects = read(tmp_path, f"name,grade\n{content}".encode("latin-1"))
    assert [row.line for row in rows] == good_lines
    assert [row.line for row in rejects] == [line for line, _ in expected]
    for row, (line, reason) in zip(rejects, expected, strict=True):
        assert row.reason.startswith(reason)
        assert len(row.value) < 100
        place = f"{(tmp_path / 'teas.csv').as_posix()}:{line}"
        assert str(row) == f"{place}: {row.reason} (found {row.value!r}); {row.remedy}."


@pytest.mark.parametrize("quote", ["", '"'])
def test_many_rows_and_a_huge_cell_are_read_in_linear_time(
    tmp_path: Path, quote: str, assert_linear: Callable[..., None]
) -> None:
    def read_teas(number: int) -> None:
        cell = f"{quote}{'x' * (500 * number)}{quote}"
        teas = "Assam,3\n" * number
        rows, [row] = read(tmp_path, f"name,grade\n{teas}{cell},1\nCeylon,2\n")
        assert [row.line for row in rows] == [*range(2, number + 2), number + 3]
        assert row.line == number + 2
        assert "ingest.max_row_bytes" in row.remedy
        assert len(row.value) < 100

    assert_linear(read_teas, 2_000)


BAD_FILES = {
    "empty": (b"", r"teas\.csv is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf", r"teas\.csv is empty"),
    "UTF-16": ("name,grade\n".encode("utf-16"), r"teas\.csv is UTF-16; save it as UTF-8"),
    "UTF-16, big endian": ("\ufeffname\n".encode("utf-16-be"), r"teas\.csv is UTF-16"),
    "a missing column": (b"name,garde\na,3\n", r"csv:1: no column grade: found name, garde"),
    "a missing column further down": (b"\n\nname,garde\n", r"teas\.csv:3: no column grade"),
    "an open quote in the header": (b'name,"grade\na,3\n', r"csv:1: a quote is opened here and ne"),
    "UTF-16 without a mark": ("name,grade\nAssam,3\n".encode("utf-16-le"), r"teas\.csv is UTF-16"),
    "UTF-32": ("name,grade\nAssam,3\n".encode("utf-32-be"), r"teas\.csv is UTF-16"),
    "a missing column and tabs": (b"name\tgarde\na\t3\n", r"no column grade: found name, garde"),
    "a column twice": (b"name,grade,grade\na,3,3\n", r"csv:1: duplicate column grade; keep"),
    "empty rows alone": (b'"",""\n,\n', r"teas\.csv:1: no column name, grade: found nothing"),
    "a long wrong header": (b"x" * 90_000 + b",grade\n", r"no column name: found x{60}\.\.\.;"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_can_not_be_read_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


def test_the_files_of_a_folder_are_those_that_people_put_there(tmp_path: Path) -> None:
    for name in ("b.csv", "A.CSV", "._b.csv", ".~lock.b.csv", "notes.txt", "deep.csv/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = [path.relative_to(tmp_path).as_posix() for path in csv_files(tmp_path)]
    assert files == ["A.CSV", "b.csv", "deep.csv/c.csv"]


def test_a_header_with_other_names_inside_a_file_is_no_row(tmp_path: Path) -> None:
    teas = Header(("name", "grade", "origin"))
    path = tmp_path / "teas.csv"
    path.write_text("name,grade,origin\nAssam,3,India\nName,Grade,Place of origin\nCup,2,Oslo\n")
    rows = read_rows(path, teas, max_row_bytes=100, report=IngestReport(io.StringIO()), advance=int)
    with pytest.raises(InputError, match=r"csv:3: .* other names: Name, Grade, Place of origin;"):
        list(rows)


def test_a_row_about_names_that_leaves_cells_empty_is_no_header(tmp_path: Path) -> None:
    teas = Header(("name", "grade", "origin"))
    path = tmp_path / "teas.csv"
    path.write_text("name,grade,origin\nName,Grade,\n")
    rows = read_rows(path, teas, max_row_bytes=100, report=IngestReport(io.StringIO()), advance=int)
    assert [row.cells for row in rows] == [{"name": "Name", "grade": "Grade", "origin": ""}]


def test_another_separator_and_a_header_that_comes_again_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "teas.csv"
    path.write_text("name;grade\nAssam;3\n" + "name;grade\nCup;2\n" * 5)
    report = IngestReport(io.StringIO())
    rows = list(read_rows(path, TEAS, max_row_bytes=100, report=report, advance=int))
    assert len(rows) == 6
    assert [(note.action, note.reason) for note in report.notes] == [
        ("kept", "its columns are separated by semicolons"),
        ("dropped", "the header again, 5 times, first in line 3"),
    ]
    assert report.rejected == 0


@pytest.mark.parametrize("name", ["teas.csv.gz", "teas.tsv", "TEAS.CSV", "teas.TSV.GZ", "teas.tab"])
def test_a_file_may_be_packed_or_have_tabs(tmp_path: Path, name: str) -> None:
    content = (
        "name,grade\nAssam,3\n" if "csv" in name.lower() else "name\tgrade\nAssam\t3\n"
    ).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.lower().endswith("gz") else content)
    report, sizes = IngestReport(io.StringIO()), list[int]()
    [row] = read_rows(path, TEAS, max_row_bytes=100, report=report, advance=sizes.append)
    assert csv_files(tmp_path) == [path]
    assert (row.cells, report.notes) == ({"name": "Assam", "grade": "3"}, [])
    assert sizes == [path.stat().st_size]


def test_a_packed_file_that_is_broken_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"name,grade\n" + bytes(range(256)) * 100)
    for content in (b"name,grade\n", whole[:-20], whole[:30] + b"xx" + whole[32:]):
        path = tmp_path / "teas.csv.gz"
        path.write_bytes(content)
        rows = read_rows(
            path, TEAS, max_row_bytes=100, report=IngestReport(io.StringIO()), advance=int
        )
        with pytest.raises(InputError, match=r"teas\.csv\.gz (is no gzip file|can't be read)"):
            list(rows)


def test_linked_folders_are_read_once_and_pipes_are_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").touch()
    (tmp_path / "logs" / "back").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "logs")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data")
    os.mkfifo(tmp_path / "data" / "pipe.csv")
    files = [path.relative_to(tmp_path).as_posix() for path in csv_files(tmp_path / "data")]
    assert files == ["data/linked/a.csv"]


@ONE_FOLDER
@given(
    table=st.lists(st.tuples(CELL, CELL), max_size=8),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example(table=[('"', '""\n"'), ("\n", "\ufeff"), ("", "")], line_end="\n", quoting=0)
def test_everything_that_a_csv_writer_wrote_is_read_back(
    tmp_path: Path, table: list[tuple[str, str]], line_end: str, quoting: Literal[0, 1]
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=line_end, quoting=quoting)
    expected = []
    writer.writerow(TEAS.required)
    for name, grade in table:
        before = file.getvalue()
        writer.writerow((name, grade))
        if name.strip() or grade.strip():  # otherwise it is an empty row
            line = 1 + before.count("\n")
            expected.append((line, {"name": name.strip(), "grade": grade.strip()}))

    rows, rejects = read(tmp_path, file.getvalue())
    assert [(row.line, row.cells) for row in rows] == expected
    assert rejects == []


@ONE_FOLDER
@given(garbage=st.binary(max_size=40), index=st.integers(min_value=0, max_value=3))
@example(garbage=b"\xff\xfe\x00,,,", index=0)
@example(garbage=b"", index=3)
def test_garbage_in_one_line_never_loses_the_other_rows(
    tmp_path: Path, garbage: bytes, index: int
) -> None:
    for mark in (b'"', b"\n", b"\r"):
        garbage = garbage.replace(mark, b"")
    good = [b"Assam,3", b'"Earl\nGrey",1', b'"Ceylon, ""black""",2']
    lines = [b"name,grade", *good[:index], garbage, *good[index:]]

    rows, rejects = read(tmp_path, b"\n".join(lines) + b"\n")
    bad_line = 1 + b"\n".join(lines[: index + 1]).count(b"\n") + 1
    good_names = [row.cells["name"] for row in rows if row.line != bad_line]
    assert good_names == ["Assam", "Earl\nGrey", 'Ceylon, "black"']
    assert {row.line for row in rejects} <= {bad_line}


def test_lines_above_the_header_are_told_and_a_long_way_off_there_is_none(tmp_path: Path) -> None:
    path, file = tmp_path / "teas.csv", io.StringIO()
    path.write_text("Teas\n\nname,grade\nAssam,3\n")
    report = IngestReport(file)
    [row] = read_rows(path, TEAS, max_row_bytes=1000, report=report, advance=int)
    assert row.line == 4
    assert [note.reason for note in report.notes] == ["1 lines above the header"]
    path.write_text("Teas\n" * 20 + "name,grade\nAssam,3\n")
    with pytest.raises(InputError, match="no column name, grade: found Teas"):
        read(tmp_path, path.read_text())


def test_parts_of_two_separators_are_refused_where_the_second_begins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"teas.csv:3: from here on .* separated by semicolons"):
        read(tmp_path, "name,grade\nAssam,3\n\ufeffName;Grade\nCup;2\n")


def test_lines_that_are_one_quoted_cell_are_named_as_that(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the whole line is one quoted cell"):
        read(tmp_path, '"name,grade"\n"Assam,3"\n')


def test_a_row_with_too_few_cells_lacks_commas_and_no_quotes(tmp_path: Path) -> None:
    rows, [reject] = read(tmp_path, "name,x,grade\nAssam,,3\nCup\n")
    assert len(rows) == 1
    assert reject.remedy.startswith("write the missing commas")


@pytest.mark.parametrize("cell", ['"My "fav" tea\nis green"', '"The "Earl\nGrey"', ' "a\nb"'])
def test_no_half_of_a_badly_quoted_cell_is_a_row(tmp_path: Path, cell: str) -> None:
    rows, _ = read(tmp_path, f"name,grade\n{cell},3\nCup,2\n")
    assert [row.cells["name"] for row in rows][-1] == "Cup"
    assert not [row for row in rows if row.cells["name"].endswith('"')]


@pytest.mark.parametrize("row", ['"""",""', '"","x"', '","', '"-",""'])
def test_a_row_of_quotes_or_marks_is_no_empty_row(tmp_path: Path, row: str) -> None:
    rows, rejects = read(tmp_path, f"name,grade\n{row}\nCup,2\n")
    assert [each.line for each in (*rows, *rejects)].count(2) == 1
    assert rows[-1].cells["name"] == "Cup"


def test_an_empty_row_above_the_header_is_no_title(tmp_path: Path) -> None:
    path = tmp_path / "teas.csv"
    for blank in ('"",""', ";;", '" ";""'):
        path.write_text(f"{blank}\nname;grade\nAssam;3\n")
        report = IngestReport(io.StringIO())
        rows = list(read_rows(path, TEAS, max_row_bytes=100, report=report, advance=int))
        assert [row.cells["name"] for row in rows] == ["Assam"]
        assert [note.action for note in report.notes] == ["kept"]


@pytest.mark.parametrize("names", [["book.xlsx"], ["a.ods", "b.xls"], ["teas.json", "notes.txt"]])
def test_a_folder_without_a_csv_file_names_the_files_that_lie_there(
    tmp_path: Path, names: list[str]
) -> None:
    for name in (*names, "README.md", ".keep", "teas.csv.dvc"):
        (tmp_path / name).touch()
    listed = ", ".join(sorted(names))
    message = rf"holds no \*\.csv file, only {listed}; save the table as CSV in UTF-8\.$"
    with pytest.raises(InputError, match=message):
        csv_files(tmp_path)


def test_a_folder_with_many_other_files_names_the_first_ones(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.xlsx").touch()
    with pytest.raises(InputError, match=r", only 0\.xlsx, 1\.xlsx, 2\.xlsx and 6 more; save"):
        csv_files(tmp_path)


def test_an_empty_folder_asks_for_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / ".keep").touch()
    with pytest.raises(InputError, match=r"holds no \*\.csv file; put at least one there\.$"):
        csv_files(tmp_path)

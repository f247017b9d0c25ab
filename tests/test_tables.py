"""A bad row of a CSV file is told with its line, and never takes a good row with it."""

import csv
import io
import time
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from findtune.errors import InputError
from findtune.tables import Note, Row, Shape, csv_files, read_rows, refuse_too_many

TEAS = Shape(required=("name", "grade"))
LONGEST_CELL = 100_000
MEGABYTE = 1_000_000
# The same folder serves every example of a property: each one overwrites its only file.
ONE_FOLDER = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


def read(folder: Path, content: str | bytes) -> tuple[list[Row], list[Note]]:
    """Return what is read from a file of teas."""
    path = folder / "teas.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows(path, TEAS, LONGEST_CELL)


def names(rows: list[Row]) -> list[tuple[int, str]]:
    """Return the line and the first cell of each row."""
    return [(row.line, row.cells["name"]) for row in rows]


def places(notes: list[Note]) -> list[tuple[str, int]]:
    """Return what was done with which line."""
    return [(note.action, note.line) for note in notes]


def test_a_row_knows_its_file_its_line_and_its_cells(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "name,grade\nAssam,3\nCeylon,2\n")
    file = (tmp_path / "teas.csv").as_posix()
    assert rows == [
        Row(file, 2, {"name": "Assam", "grade": "3"}),
        Row(file, 3, {"name": "Ceylon", "grade": "2"}),
    ]
    assert notes == []


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, b"\xef\xbb\xbfname,grade\nAssam,3\n")
    assert names(rows) == [(2, "Assam")]
    assert notes == []


def test_line_ends_of_windows_are_no_part_of_a_cell(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "name,grade\r\nAssam,3\r\nCeylon,2\r\n")
    assert [row.cells["grade"] for row in rows] == ["3", "2"]
    assert names(rows) == [(2, "Assam"), (3, "Ceylon")]
    assert notes == []


def test_the_last_line_needs_no_line_end(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "name,grade\nAssam,3")
    assert names(rows) == [(2, "Assam")]


def test_spaces_around_a_cell_are_stripped(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "name , grade\n Assam ,\t3 \n")
    assert rows[0].cells == {"name": "Assam", "grade": "3"}


def test_a_row_in_latin_1_is_rejected_and_the_others_stay(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "name,grade\nAssam,3\nMaté,1\nCeylon,2\n".encode("latin-1"))
    assert names(rows) == [(2, "Assam"), (4, "Ceylon")]
    assert places(notes) == [("rejected", 3)]
    assert "0xe9 is not UTF-8" in notes[0].reason
    assert "UTF-8" in notes[0].remedy


def test_a_note_tells_file_line_value_and_remedy(tmp_path: Path) -> None:
    _, notes = read(tmp_path, "name,grade\nAssam,3,good\n")
    assert notes[0].file == (tmp_path / "teas.csv").as_posix()
    assert notes[0].value == "Assam,3,good"
    assert str(notes[0]).startswith(f"{notes[0].file}:2: 3 cells where the header has 2")
    assert str(notes[0]).endswith(f"{notes[0].remedy}.")


def test_a_quote_that_never_closes_costs_one_line(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\nAssam,3\n"Earl Grey,1\nCeylon,2\nKeemun,4\n')
    assert names(rows) == [(2, "Assam"), (4, "Ceylon"), (5, "Keemun")]
    assert places(notes) == [("rejected", 3)]
    assert notes[0].reason == "a quote opens here and never closes"


def test_a_quote_that_never_closes_spares_quoted_rows_after_it(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\n"Earl Grey,1\n"Ceylon, black",2\n"Assam\nCTC",3\n')
    assert names(rows) == [(3, "Ceylon, black"), (4, "Assam\nCTC")]
    assert places(notes) == [("rejected", 2)]


def test_two_quotes_that_never_close_cost_two_lines(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\n"Earl Grey,1\nCeylon,2\n"Keemun,4\nAssam,3\n')
    assert names(rows) == [(3, "Ceylon"), (5, "Assam")]
    assert places(notes) == [("rejected", 2), ("rejected", 4)]


def test_a_quote_that_closes_in_a_later_row_does_not_swallow_those_between(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\nGrey,"1\nCeylon,2\nKeemun,4\nLady",5\nAssam,3\n')
    assert {(3, "Ceylon"), (4, "Keemun"), (6, "Assam")} <= set(names(rows))
    assert ("rejected", 2) in places(notes)
    assert notes[0].reason == "a quote opens here and closes in another row"


def test_the_end_of_a_cell_that_was_given_up_is_no_row(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\nGrey,"1\nCeylon,2\nLady",5\nAssam,3\n')
    assert names(rows) == [(3, "Ceylon"), (5, "Assam")]
    assert places(notes) == [("rejected", 2), ("rejected", 4)]


def test_rows_with_an_inch_mark_fare_alike(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\n5" brick,1\nAssam,3\n6" brick,2\n')
    assert (3, "Assam") in names(rows)
    assert {line for line, _ in names(rows)} - {3} in (set(), {2, 4})
    assert len(rows) + len(notes) == 3


def test_cells_may_span_lines_in_quotes(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\n"Earl\n\nGrey, with\nbergamot",1\nCeylon,2\n')
    assert names(rows) == [(2, "Earl\n\nGrey, with\nbergamot"), (6, "Ceylon")]
    assert notes == []


def test_a_cell_may_span_many_lines(tmp_path: Path) -> None:
    leaves = "\n".join(["leaf"] * 1000)
    rows, notes = read(tmp_path, f'name,grade\n"{leaves}",1\nCeylon,2\n')
    assert names(rows) == [(2, leaves), (1002, "Ceylon")]
    assert notes == []


def test_a_cell_of_many_lines_and_too_many_bytes_is_one_reject(tmp_path: Path) -> None:
    leaves = "\n".join(["leaf, more"] * 20_000)
    rows, notes = read(tmp_path, f'name,grade\n"{leaves}",1\nCeylon,2\n')
    assert names(rows) == [(20_002, "Ceylon")]
    assert places(notes) == [("rejected", 2)]


def test_a_doubled_quote_is_one_quote(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\n"The ""Earl"" Grey",1\n"""",2\n')
    assert names(rows) == [(2, 'The "Earl" Grey'), (3, '"')]
    assert notes == []


def test_text_after_a_closing_quote_is_told(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, 'name,grade\n"The "Earl" Grey",1\nCeylon,2\n')
    assert names(rows) == [(3, "Ceylon")]
    assert places(notes) == [("rejected", 2)]
    assert 'like "a ""b"" c"' in notes[0].remedy


@pytest.mark.parametrize("row", ["Earl, Grey,1", "Earl Grey", "a,b,c,d,e,f"])
def test_a_row_with_too_many_or_too_few_cells_is_rejected(tmp_path: Path, row: str) -> None:
    rows, notes = read(tmp_path, f"name,grade\nAssam,3\n{row}\nCeylon,2\n")
    assert names(rows) == [(2, "Assam"), (4, "Ceylon")]
    assert places(notes) == [("rejected", 3)]
    assert notes[0].reason == f"{row.count(',') + 1} cells where the header has 2"


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_50_megabytes_is_rejected_at_once(tmp_path: Path, quote: str) -> None:
    huge = quote + "x" * (50 * MEGABYTE) + quote
    start = time.perf_counter()
    rows, notes = read(tmp_path, f"name,grade\nAssam,3\n{huge},1\nCeylon,2\n")
    assert time.perf_counter() - start < 5
    assert names(rows) == [(2, "Assam"), (4, "Ceylon")]
    assert places(notes) == [("rejected", 3)]
    assert "longest_cell" in notes[0].remedy
    assert len(notes[0].value) < 100


def test_the_lines_of_a_cell_that_is_too_long_are_no_rows(tmp_path: Path) -> None:
    half = "x" * (LONGEST_CELL // 2)
    rows, notes = read(tmp_path, f'name,grade\n"{half}\nmild, warm\n{half}",1\nCeylon,2\n')
    assert names(rows) == [(5, "Ceylon")]
    assert ("rejected", 2) in places(notes)


def test_the_lines_of_a_cell_in_latin_1_are_no_rows(tmp_path: Path) -> None:
    text = 'name,grade\n"Tea\nmild, warm\nMaté",1\nCeylon,2\n'
    rows, notes = read(tmp_path, text.encode("latin-1"))
    assert names(rows) == [(5, "Ceylon")]
    assert ("rejected", 2) in places(notes)


def test_a_row_of_just_the_longest_size_is_read(tmp_path: Path) -> None:
    longest = "x" * (LONGEST_CELL - len(",1\n"))
    rows, notes = read(tmp_path, f"name,grade\n{longest},1\n{longest}x,1\n")
    assert names(rows) == [(2, longest)]
    assert places(notes) == [("rejected", 3)]


@pytest.mark.parametrize("content", [b"", b"\n\r\n  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"teas\.csv is empty"):
        read(tmp_path, content)


def test_a_file_with_only_a_header_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, "name,grade\n") == ([], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_file_in_utf_16_is_refused(tmp_path: Path, encoding: str) -> None:
    text = "name,grade\nAssam,3\n" if encoding == "utf-16" else "\ufeffname,grade\nAssam,3\n"
    with pytest.raises(InputError, match=r"teas\.csv is UTF-16; save it as UTF-8"):
        read(tmp_path, text.encode(encoding))


def test_a_missing_column_is_named_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"teas\.csv:1: no column grade: found name, garde"):
        read(tmp_path, "name,garde\nAssam,3\n")


def test_the_line_of_a_wrong_header_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"teas\.csv:3: no column grade"):
        read(tmp_path, "\n\nname,garde\nAssam,3\n")


def test_a_quote_that_never_closes_in_the_header_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"teas\.csv:1: a quote opens here and never closes"):
        read(tmp_path, 'name,"grade\nAssam,3\n')


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"teas\.csv:1: column grade stands twice"):
        read(tmp_path, "name,grade,grade\nAssam,3,3\n")


def test_two_names_of_one_column_stand_twice(tmp_path: Path) -> None:
    path = tmp_path / "teas.csv"
    path.write_text("name,grade,mark\nAssam,3,3\n", encoding="utf-8")
    shape = Shape(required=("name", "grade"), also={"mark": "grade"})
    with pytest.raises(InputError, match="column grade stands twice"):
        read_rows(path, shape, LONGEST_CELL)


def test_blank_lines_are_passed_over_but_counted(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "\nname,grade\n\nAssam,3\n  \n\r\nCeylon,2\n\n")
    assert names(rows) == [(4, "Assam"), (7, "Ceylon")]
    assert notes == []


def test_columns_of_other_names_are_no_mistake(tmp_path: Path) -> None:
    rows, notes = read(tmp_path, "origin,name,,grade,\nIndia,Assam,x,3,y\n")
    assert rows[0].cells["name"] == "Assam"
    assert rows[0].cells["grade"] == "3"
    assert notes == []


@pytest.mark.parametrize("empty", [",", " , ", ",\t,,"])
def test_the_empty_rows_of_a_spreadsheet_are_passed_over(tmp_path: Path, empty: str) -> None:
    rows, notes = read(tmp_path, f"name,grade\n{empty}\nAssam,3\n{empty}\n{empty}\nCeylon,2\n")
    assert [(row.line, row.cells["name"]) for row in rows] == [(3, "Assam"), (6, "Ceylon")]
    assert notes == []


def test_the_files_of_a_folder_are_those_that_people_put_there(tmp_path: Path) -> None:
    for name in ("b.csv", "A.CSV", "._b.csv", ".~lock.b.csv", "notes.txt", "deep/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in csv_files(tmp_path)]
    assert found == ["A.CSV", "b.csv", "deep/c.csv"]


@ONE_FOLDER
@given(
    table=st.lists(st.tuples(CELL, CELL), max_size=8),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example(table=[('"', '""\n"'), ("\n", "\ufeff"), ("", "")], line_end="\n", quoting=0)
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path: Path, table: list[tuple[str, str]], line_end: str, quoting: Literal[0, 1]
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=line_end, quoting=quoting)
    expected = []
    writer.writerow(TEAS.required)
    for name, grade in table:
        before = file.getvalue()
        writer.writerow((name, grade))
        if file.getvalue()[len(before) :].strip(" \t\r\n,"):  # else it is an empty row
            line = 1 + before.count("\n")
            expected.append((line, {"name": name.strip(), "grade": grade.strip()}))

    rows, notes = read(tmp_path, file.getvalue())

    assert [(row.line, row.cells) for row in rows] == expected
    assert notes == []


@ONE_FOLDER
@given(garbage=st.binary(max_size=40), at=st.integers(min_value=0, max_value=3))
@example(garbage=b"\xff\xfe\x00,,,", at=0)
@example(garbage=b"", at=3)
def test_whatever_stands_in_one_line_the_other_rows_stay(
    tmp_path: Path, garbage: bytes, at: int
) -> None:
    for mark in (b'"', b"\n", b"\r"):
        garbage = garbage.replace(mark, b"")
    good = [b"Assam,3", b'"Earl\nGrey",1', b'"Ceylon, ""black""",2']
    lines = [b"name,grade", *good[:at], garbage, *good[at:]]

    rows, notes = read(tmp_path, b"\n".join(lines) + b"\n")

    bad_line = 1 + b"\n".join(lines[: at + 1]).count(b"\n") + 1
    told = [row.cells["name"] for row in rows if row.line != bad_line]
    assert told == ["Assam", "Earl\nGrey", 'Ceylon, "black"']
    assert {note.line for note in notes} <= {bad_line}


@pytest.fixture
def two_bad_of_four(tmp_path: Path) -> tuple[list[Row], list[Note]]:
    """Two good rows of tea and two with a cell too many."""
    return read(tmp_path, "name,grade\nAssam,3\nEarl, Grey,1\nCeylon,2\nLady, Grey,1\n")


def test_just_as_many_rejects_as_allowed_pass(
    two_bad_of_four: tuple[list[Row], list[Note]],
) -> None:
    rows, notes = two_bad_of_four
    refuse_too_many(notes, rows=len(rows), most=0.5, where=Path("notes.csv"))


def test_more_rejects_than_allowed_are_counted_and_shown(
    two_bad_of_four: tuple[list[Row], list[Note]],
) -> None:
    rows, notes = two_bad_of_four
    with pytest.raises(InputError, match="2 of 4 rows were rejected") as told:
        refuse_too_many(notes, rows=len(rows), most=0.49, where=Path("notes.csv"))
    assert all(str(note) in str(told.value) for note in notes)
    assert "All of them are in notes.csv" in str(told.value)


def test_odd_rows_that_were_kept_are_no_rejects() -> None:
    odd = Note("kept", "teas.csv", 2, "name", "Assam", "stands twice", "drink it")
    refuse_too_many([odd] * 9, rows=1, most=0, where=Path("notes.csv"))


def test_no_row_left_is_refused_though_none_was_rejected() -> None:
    with pytest.raises(InputError, match="no row was left"):
        refuse_too_many([], rows=0, most=1, where=Path("notes.csv"))

"""CSV files that people edit: rows that know their line, and rejects that say what would do.

A bad row never takes a good one with it. A row is a record of RFC 4180: it may span lines
inside quotes. Where a quote opens and never closes, or closes in another row, only the line
where it opens is given up, not the rest of the file.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from findtune.errors import InputError
from findtune.files import write_csv
from findtune.params import Section

EMPTY = b" \t\r\n,"  # what an empty row of a spreadsheet holds
SHOWN = 60  # characters of a bad value that a message repeats


class Limits(Section):
    """What ingest lets pass: the bytes of a row, and the share of rows that may be rejected."""

    longest_cell: int = Field(gt=0, le=131_072)  # the most that Python's csv module reads
    max_rejected: float = Field(ge=0, le=1)


class Row(NamedTuple):
    """The cells of one record by column, and where it begins."""

    file: str
    line: int
    cells: Mapping[str, str]


class Note(NamedTuple):
    """What was wrong at one place, what was done with it, and what would do.

    `action` is "rejected" for a row that is left out, and "kept" for one that is only odd.
    """

    action: str
    file: str
    line: int
    column: str
    value: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.reason} (found {self.value!r}); {self.remedy}."


class BadRecordError(Exception):
    """Raised inside this module for one record: the reason and the remedy."""


@dataclass(frozen=True)
class Shape:
    """What the header of one kind of table must be like."""

    required: Sequence[str]
    optional: Sequence[str] = ()
    also: Mapping[str, str] | None = None  # other names that people give to a column

    def columns(self, header: Sequence[str], place: str) -> list[str]:
        """Return the name of each column; raise InputError if one is missing or stands twice."""
        named = [cell.strip() for cell in header]
        named = [(self.also or {}).get(name, name) for name in named]
        missing = [name for name in self.required if name not in named]
        if missing:
            raise InputError(
                f"{place}: no column {', '.join(missing)}: "
                f"found {shown(', '.join(named)) or 'nothing'}; "
                f"the header must be {','.join([*self.required, *self.optional])}."
            )
        twice = sorted({name for name in named if name and named.count(name) > 1})
        if twice:
            raise InputError(f"{place}: column {', '.join(twice)} stands twice; keep one of them.")
        return named


def shown(value: str) -> str:
    """Return a value as a message may repeat it."""
    flat = " ".join(value[: SHOWN * 2].split())
    return flat if len(flat) <= SHOWN else f"{flat[:SHOWN]}..."


def rejected(row: Row, column: str, reason: str, remedy: str) -> Note:
    """Return the note for a row that is left out."""
    value = shown(row.cells.get(column, ""))
    return Note("rejected", row.file, row.line, column, value, reason, remedy)


def kept(row: Row, column: str, value: str, reason: str, remedy: str) -> Note:
    """Return the note for a row that is odd but stays."""
    return Note("kept", row.file, row.line, column, shown(value), reason, remedy)


def csv_files(folder: Path) -> list[Path]:
    """Return the CSV files under a folder, in the order of their names."""
    found = sorted(
        path
        for path in folder.rglob("*")
        # what begins with a dot is a system's or an editor's own
        if path.suffix.lower() == ".csv" and not path.name.startswith(".") and not path.is_dir()
    )
    if not found:
        raise InputError(f"{folder} holds no *.csv file; put at least one there.")
    return found


def read_rows(path: Path, shape: Shape, longest_cell: int) -> tuple[list[Row], list[Note]]:
    """Return the good rows of a CSV file and a note for each bad one.

    Raises InputError when the file as a whole can't be read: empty, or with a wrong header.
    """
    file = path.as_posix()
    try:
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")  # the mark of spreadsheets
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}; restore or remove it.") from None
    if not raw.strip():
        raise InputError(f"{file} is empty; it must at least have its header.")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{file} is UTF-16; save it as UTF-8.")
    lines = raw.splitlines(keepends=True)
    records = split_records(lines, longest_cell)
    header = next(records)
    if isinstance(header.cells, BadRecordError):
        raise InputError(f"{file}:{header.line}: {header.cells.args[0]}; {header.cells.args[1]}.")
    columns = shape.columns(header.cells, f"{file}:{header.line}")
    rows, notes = [], []
    for record in records:
        try:
            rows.append(Row(file, record.line, named(record, columns)))
        except BadRecordError as bad:
            value = shown(lines[record.line - 1][: SHOWN * 4].decode("utf-8", "replace"))
            notes.append(Note("rejected", file, record.line, "", value, *bad.args))
    return rows, notes


class Record(NamedTuple):
    line: int
    cells: list[str] | BadRecordError


def named(record: Record, columns: Sequence[str]) -> dict[str, str]:
    """Return the cells of a record by column."""
    if isinstance(record.cells, BadRecordError):
        raise record.cells
    if len(record.cells) != len(columns):
        raise BadRecordError(
            f"{len(record.cells)} cells where the header has {len(columns)}",
            'quote cells that hold a comma, like "a, b"',
        )
    return dict(zip(columns, (cell.strip() for cell in record.cells), strict=True))


def split_records(lines: Sequence[bytes], longest_cell: int) -> Iterator[Record]:
    """Yield the records of a CSV file; lines count from 1; empty rows are passed over."""
    width, at = None, 0
    while at < len(lines):
        if not lines[at].strip(EMPTY):
            at += 1
            continue
        span = quoted_span(lines, at)
        record = b"".join(lines[at : at + span])
        try:
            cells = parsed(record, longest_cell)
            if span > 1 and width is not None and len(cells) != width:
                told = "a quote opens here and closes in another row"
                raise BadRecordError(told, "close the quote")
        except BadRecordError as bad:
            yield Record(at + 1, bad)
            # What a stray quote swallowed is read on its own; the lines of one bad cell are not.
            at += span if span == 1 or width == cells_of(record) else 1
            continue
        width = len(cells) if width is None else width
        yield Record(at + 1, cells)
        at += span


def quoted_span(lines: Sequence[bytes], at: int) -> int:
    """Return how many lines the record at a line spans: until its quotes are even, or 1."""
    quotes = 0
    for span, line in enumerate(lines[at:], start=1):
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return span
    return 1


def cells_of(record: bytes) -> int:
    """Return how many cells a record has as far as quotes and commas tell; 0 if they do not."""
    limit = csv.field_size_limit(len(record) + 1)
    try:
        return len(next(csv.reader([record.decode("latin-1")], strict=True)))
    except csv.Error:
        return 0
    finally:
        csv.field_size_limit(limit)


def parsed(raw: bytes, longest_cell: int) -> list[str]:
    """Return the cells of one record; raise BadRecordError with a reason and a remedy."""
    if raw.count(b'"') % 2:
        raise BadRecordError("a quote opens here and never closes", "close it, or double it")
    if len(raw) > longest_cell:
        size = f"{len(raw):,} bytes in one row, at most {longest_cell:,} are read"
        raise BadRecordError(size, "shorten it, or raise ingest.longest_cell in params.yaml")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise BadRecordError(byte, "save the file as UTF-8 (it looks like latin-1)") from None
    try:
        return next(iter(csv.reader([text], strict=True)))
    except (csv.Error, StopIteration) as error:
        raise BadRecordError(
            f"not CSV: {error}", 'double a quote inside quotes, like "a ""b"" c"'
        ) from None


def write_notes(path: Path, notes: Iterable[Note]) -> None:
    """Write what was found wrong, a line each."""
    write_csv(path, Note._fields, notes)


def refuse_too_many(notes: Sequence[Note], rows: int, most: float, where: Path) -> None:
    """Raise InputError when more than a share of all rows was rejected."""
    bad = [note for note in notes if note.action == "rejected"]
    total = rows + len(bad)
    if bad and len(bad) > most * total:
        first = "\n  ".join(map(str, bad[:5]))
        raise InputError(
            f"{len(bad)} of {total} rows were rejected, more than ingest.max_rejected = {most:g}."
            f"\n  {first}\nAll of them are in {where}."
        )
    if not rows:
        raise InputError(f"no row was left to use; {where} tells why.")

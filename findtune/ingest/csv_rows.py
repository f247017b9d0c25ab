"""CSV rows that know their file and line; a bad row is rejected without losing a good one.

A row is a record of RFC 4180, so it may span lines inside quotes. Where a quote is never closed,
or is closed in another row, only the line that opens it is rejected.
"""

import csv
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.ingest.csv_header import (
    SEP_LINE,
    SEPARATORS,
    Header,
    find_separator,
    fold,
    refuse_other_names,
    split_line,
)
from findtune.ingest.data_files import files_with_suffix, open_packed, printable_path
from findtune.ingest.file_contents import (
    CONFLICT,
    CONFLICT_REMEDY,
    is_conflict_mark,
    refuse_no_text,
)
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import (
    MAX_VALUE_CHARS,
    Advance,
    FileReportRow,
    IngestReport,
    ReportRow,
    abbreviate,
)

__all__ = ["CsvRow", "Header", "csv_files", "find_csv_files", "read_rows"]

BOM = b"\xef\xbb\xbf"  # spreadsheets write it
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# All that an empty row of a spreadsheet holds, and what old systems write behind the last one.
BLANKS = b" \t\r\n,\0\x1a"
OPENING = re.compile(rb'(?:^|[,;\t|])(?:\xef\xbb\xbf)*[ \t]*"')  # a quote that begins a cell
CSV_SUFFIXES = (".csv", ".tsv", ".tab")  # each also packed, as .csv.gz
MAX_UNPACKED_BYTES = 1 << 30
MAX_TITLE_LINES = 10  # in which the header is looked for
MANY_NULS = 0.2  # share of NUL bytes, of which UTF-8 has none and UTF-16 up to a half


class BlanksDialect(csv.excel):
    """Blanks before quotes, as people write them."""

    skipinitialspace, strict = True, True


class BackslashDialect(csv.excel):
    """Backslashes before quotes, as Spark and MySQL write them."""

    escapechar, doublequote, strict = "\\", False, True


class CsvRow(NamedTuple):
    """The cells of one row by column, and the line where the row begins."""

    file: str
    line: int
    cells: Mapping[str, str]

    @property
    def location(self) -> str:
        """The file and the line of the row."""
        return f"{self.file}:{self.line}"


class RowSyntaxError(Exception):
    """Raised in this module for a row that is not valid CSV: reason and remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class RawRow(NamedTuple):
    """The cells of a row before they have names, or the error that stands for them."""

    line: int
    cells: list[str] | RowSyntaxError


def csv_files(folder: Path) -> list[Path]:
    """Return the CSV files under a folder, sorted by name; raise InputError if there are none."""
    files = find_csv_files(folder)
    if not files:
        raise InputError(f"{folder} holds no *.csv file; put at least one there.")
    return files


def find_csv_files(folder: Path) -> list[Path]:
    """Return the CSV files under a folder, sorted by name; tabs may separate, and gzip pack."""
    return files_with_suffix(folder, CSV_SUFFIXES)


def reject_row(report: IngestReport, row: CsvRow, *, column: str, reason: str, remedy: str) -> None:
    """Report that a row is left out."""
    value = abbreviate(row.cells.get(column, ""))
    report.add([ReportRow("rejected", row.file, row.line, column, value, reason, remedy)])


def drop_row(report: IngestReport, row: CsvRow, *, column: str, reason: str, remedy: str) -> None:
    """Report that a row is left out which is no fault, such as a row that is repeated."""
    value = abbreviate(row.cells.get(column, ""))
    report.add([ReportRow("dropped", row.file, row.line, column, value, reason, remedy)])


def reject_line(
    report: IngestReport, file: str, line: int, *, text: bytes, error: RowSyntaxError
) -> None:
    """Report that a row that is not valid CSV is left out; text is the line where it begins."""
    value = abbreviate(text[: MAX_VALUE_CHARS * 4].decode("utf-8", "replace"))
    report.add([ReportRow("rejected", file, line, "", value, error.reason, error.remedy)])


def flag_row(
    report: IngestReport, row: CsvRow, *, column: str, value: str, reason: str, remedy: str
) -> None:
    """Report something unusual in a row that stays."""
    place = (row.file, row.line, column, abbreviate(value))
    report.add([ReportRow("kept", *place, reason, remedy)])


def read_rows(
    path: Path,
    header: Header,
    *,
    max_row_bytes: int,
    report: IngestReport,
    advance: Advance,
) -> Iterator[CsvRow]:
    """Yield the good rows of a CSV file, and report the bad ones.

    A header that comes again, as in files that were joined, names the columns from there on.
    advance: called with the size of the file in bytes. Raises InputError when the whole file
    can't be read: it is missing, empty or UTF-16, or its header is wrong.
    """
    file, lines = printable_path(path), read_utf8_bytes(path).splitlines(keepends=True)
    separator, start = find_dialect(lines, header)
    flag_lines_before(report, file, lines[:start])
    raw_rows = split_rows(lines, max_row_bytes, separator=separator, start=start)
    first = next(raw_rows)
    columns = read_header(first, header, file)
    empty = dict.fromkeys(header.form_of(columns).optional, "")
    flag_separator(report, file, separator)
    headers = [start]
    for raw_row in separate_headers(raw_rows, first):
        report.rows_by_file[file] += 1
        try:
            if again := header_again(raw_row, header, columns, file):
                columns = header.name_columns(again, file)
                empty = dict.fromkeys(header.form_of(columns).optional, "")
                headers.append(raw_row.line)
                continue
            refuse_other_separator(raw_row, header, file)
            cells = name_cells(raw_row, columns, separator)
        except RowSyntaxError as error:
            reject_line(report, file, raw_row.line, text=lines[raw_row.line - 1], error=error)
        else:
            yield CsvRow(file, raw_row.line, empty | cells)
    flag_headers(report, file, headers[1:])
    advance(path.stat().st_size)


def find_dialect(lines: Sequence[bytes], header: Header) -> tuple[str, int]:
    """Return the separator of a file and the index of its first line after `sep=;`."""
    for index, line in enumerate(lines):
        if not is_empty_row(line):
            directive = SEP_LINE.fullmatch(line)
            if directive:
                return directive[1].decode(), index + 1
            return find_form(lines, index, header)
    return ",", 0


def find_form(lines: Sequence[bytes], index: int, header: Header) -> tuple[str, int]:
    """Return the separator of a file and the index of its header, which may have a title above.

    index: the first line with anything in it. It counts as the header where no line near it is one.
    """
    for place in range(index, min(len(lines), index + MAX_TITLE_LINES)):
        separator = find_separator(lines[place], header)
        if header.fits(split_line(lines[place].decode("utf-8", "replace"), separator)):
            return separator, 0 if place == index else place
    return find_separator(lines[index], header), 0


def flag_lines_before(report: IngestReport, file: str, lines: Sequence[bytes]) -> None:
    """Report once that lines above the header were passed over, such as a title."""
    titles = [line for line in lines if not is_empty_row(line) and not SEP_LINE.fullmatch(line)]
    if titles:
        reason = f"{len(titles)} lines above the header"
        value = abbreviate(titles[0].decode("utf-8", "replace"))
        remedy = "they were passed over; begin with the header"
        report.add_notes([FileReportRow("dropped", file, 1, "", value, reason, remedy)])


def refuse_other_separator(raw_row: RawRow, header: Header, file: str) -> None:
    """Raise InputError for a row that is the header again, but with another separator."""
    if isinstance(raw_row.cells, RowSyntaxError) or len(raw_row.cells) > 1:
        return
    for separator, name in SEPARATORS.items():
        if header.fits(split_line(raw_row.cells[0].removeprefix("\ufeff"), separator)):
            place = f"{file}:{raw_row.line}"
            reason = f"from here on the columns are separated by {name}"
            raise InputError(f"{place}: {reason}; save both parts alike, then join them.")


def header_again(
    raw_row: RawRow, header: Header, columns: Sequence[str], file: str
) -> list[str] | None:
    """Return the cells of a row that names all columns again; None for any other row.

    Raises InputError for a row that names some columns otherwise.
    """
    if isinstance(raw_row.cells, RowSyntaxError) or not header.has_name(raw_row.cells):
        return None
    if header.fits(raw_row.cells):
        return raw_row.cells
    refuse_other_names(raw_row.cells, columns, f"{file}:{raw_row.line}")
    return None


def separate_headers(raw_rows: Iterable[RawRow], first: RawRow) -> Iterator[RawRow]:
    """Yield rows; one that shares its line with the header again becomes two.

    So files are joined of which one lacks its last line end. first: the row of the header.
    """
    names = [] if isinstance(first.cells, RowSyntaxError) else [*map(to_one_line, first.cells)]
    width = len(names)
    for raw_row in raw_rows:
        cells = raw_row.cells
        if isinstance(cells, RowSyntaxError) or len(cells) != 2 * width - 1:
            yield raw_row
            continue
        last, folded = cells[width - 1].rstrip(), [*map(fold, map(to_one_line, cells[width:]))]
        if folded == [*map(fold, names[1:])] and last.lower().endswith(names[0].lower()):
            end = last[: -len(names[0])].rstrip('"\ufeff')
            yield RawRow(raw_row.line, [*cells[: width - 1], end])
            yield RawRow(raw_row.line, names)
        else:
            yield raw_row


def flag_separator(report: IngestReport, file: str, separator: str) -> None:
    """Report once that a file is not separated by commas, unless its name says so."""
    if separator != "," and not (separator == "\t" and ".csv" not in file.lower()):
        reason = f"its columns are separated by {SEPARATORS[separator]}"
        remedy = "it was read so; save it with commas to be sure"
        report.add_notes([FileReportRow("kept", file, 0, "", separator, reason, remedy)])


def flag_headers(report: IngestReport, file: str, lines: Sequence[int]) -> None:
    """Report once that the header of a file is repeated inside it."""
    if lines:
        reason = f"the header again, {len(lines)} times, first in line {lines[0]}"
        remedy = "it was passed over; remove it where files are joined"
        report.add_notes([FileReportRow("dropped", file, lines[0], "", "", reason, remedy)])


def read_utf8_bytes(path: Path) -> bytes:
    """Return the bytes of a file without its BOM; raise InputError if it can't hold CSV."""
    file = printable_path(path)
    try:
        with open_packed(path) as packed:
            raw = packed.read(MAX_UNPACKED_BYTES + 1).removeprefix(BOM)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{file} can't be read: {error}; restore or remove it.") from None
    if len(raw) > MAX_UNPACKED_BYTES:
        raise InputError(f"{file} holds more than {MAX_UNPACKED_BYTES:,} bytes; split it.")
    if not raw.strip():
        raise InputError(f"{file} is empty; it must at least have its header.")
    refuse_no_text(raw[:1000], file)
    if raw[:2] in UTF_16 or raw[:1000].count(b"\0") > MANY_NULS * len(raw[:1000]):
        raise InputError(f"{file} is UTF-16; save it as UTF-8.")
    return raw


def read_header(raw_row: RawRow, header: Header, file: str) -> list[str]:
    """Return the column names of a file; raise InputError when its first row is no header."""
    location = f"{file}:{raw_row.line}"
    if isinstance(raw_row.cells, RowSyntaxError):
        raise InputError(f"{location}: {raw_row.cells.reason}; {raw_row.cells.remedy}.")
    return header.name_columns(raw_row.cells, location)


def name_cells(raw_row: RawRow, columns: Sequence[str], separator: str) -> dict[str, str]:
    """Return the cells of a row by column; raise RowSyntaxError for a bad row."""
    if isinstance(raw_row.cells, RowSyntaxError):
        raise raw_row.cells
    cells = [cell.strip() for cell in raw_row.cells]
    while len(cells) > len(columns) and not cells[-1]:  # spreadsheets write them
        cells.pop()
    if len(cells) != len(columns):
        remedy = f'quote cells that hold {SEPARATORS[separator]}, like "a{separator} b"'
        if len(cells) == 1 and len(split_line(cells[0], separator)) == len(columns):
            raise RowSyntaxError("the whole line is one quoted cell", "remove the outer quotes")
        if len(cells) < len(columns):
            remedy = f"write the missing {SEPARATORS[separator]}; an empty cell needs its own too"
        raise RowSyntaxError(f"{len(cells)} cells where the header has {len(columns)}", remedy)
    return dict(zip(columns, cells, strict=True))


def split_rows(
    lines: Sequence[bytes], max_row_bytes: int, *, separator: str = ",", start: int = 0
) -> Iterator[RawRow]:
    """Yield the rows of a CSV file from a line on; lines count from 1; empty rows are skipped."""
    width, index = None, start  # width: the number of cells in the header
    closing = -1  # the line with a quote that may close one of the bad row before it
    while index < len(lines):
        if is_empty_row(lines[index], separator):
            index += 1
            continue
        span = count_quoted_lines(lines, index)
        row = b"".join(lines[index : index + span])
        try:
            cells = parse_row(row, max_row_bytes, separator, is_closing=index == closing)
            if span > 1 and width is not None and not has_width(cells, width):
                reason = "a quote is opened here and closed in another row"
                raise RowSyntaxError(reason, "close the quote")
        except RowSyntaxError as error:
            if b'"' in row:
                closing = index + max(1, span - 1)
            yield RawRow(index + 1, error)
            # Lines between stray quotes are read again; the lines of one bad cell are not.
            is_one = span == 1 or (width and has_width(cells_of_any(row, separator), width))
            index += span if is_one else 1
            continue
        width = len(cells) if width is None else width
        yield RawRow(index + 1, cells)
        index += span


def is_empty_row(line: bytes, separator: str = "") -> bool:
    """Return whether a line holds nothing; an empty file that was joined leaves its BOM."""
    return not line.replace(BOM, b"").strip(BLANKS + separator.encode())


def count_quoted_lines(lines: Sequence[bytes], start: int) -> int:
    """Return how many lines the row at a line spans: until its quotes pair up, else 1.

    Where no cell of a line begins with a quote, its quotes are text, as in 6" pipe.
    """
    if not OPENING.search(lines[start]):
        return 1
    quotes = 0
    for end in range(start, len(lines)):
        quotes += lines[end].count(b'"')
        if quotes % 2 == 0:
            return end - start + 1
    return 1


def has_width(cells: Sequence[str], width: int) -> bool:
    """Return whether a row has a number of cells; spreadsheets write empty ones behind them."""
    return len(cells) >= width and not any(cell.strip() for cell in cells[width:])


def cells_of_any(row: bytes, separator: str) -> list[str]:
    """Return the cells of a row, whatever its size and encoding; none if it is not CSV."""
    old_limit = csv.field_size_limit(len(row) + 1)
    try:
        return next(csv.reader([row.decode("latin-1")], delimiter=separator, strict=True))
    except csv.Error:
        return []
    finally:
        csv.field_size_limit(old_limit)


def parse_row(
    raw: bytes, max_row_bytes: int, separator: str, *, is_closing: bool = False
) -> list[str]:
    """Return the cells of one row; raise RowSyntaxError for a bad row.

    is_closing: whether its first quote closes one that another row opened.
    """
    if raw.count(b'"') % 2 and (is_closing or OPENING.search(raw)):
        raise RowSyntaxError("a quote is opened here and never closed", "close it, or double it")
    if len(raw) > max_row_bytes:
        raise RowSyntaxError(
            f"a row of {len(raw):,} bytes; at most {max_row_bytes:,} are read",
            "shorten it, or raise ingest.max_row_bytes in params.yaml",
        )
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")  # a joined file brings its BOM along
    except UnicodeDecodeError as error:
        reason = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        remedy = "save the file as UTF-8 (it is in an older encoding, such as cp1252)"
        raise RowSyntaxError(reason, remedy) from None
    if is_conflict_mark(text):
        raise RowSyntaxError(CONFLICT, CONFLICT_REMEDY)
    try:
        return read_cells(text, separator)
    except (csv.Error, StopIteration) as error:
        remedy = 'double a quote inside quotes, like "a ""b"" c"'
        raise RowSyntaxError(f"not CSV: {error}", remedy) from None


def read_cells(text: str, separator: str) -> list[str]:
    """Return the cells of one row; raise csv.Error or StopIteration for a bad row.

    Some programs write a blank beside a quoted cell, or a backslash before a quote in a cell.
    """
    if f'{separator} "' in text:
        with suppress(csv.Error):
            return next(csv.reader([text], BlanksDialect, delimiter=separator))
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        if '\\"' in text:
            return next(csv.reader([text], BackslashDialect, delimiter=separator))
        without = re.sub(rf'"[ \t]+(?=[{re.escape(separator)}\r\n])', '"', text)
        return next(csv.reader([without], delimiter=separator, strict=True))

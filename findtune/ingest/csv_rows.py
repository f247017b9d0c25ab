"""Reads CSV rows with their file and line; bad rows are reported, good ones are kept."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from findtune.ingest.csv_syntax import BOM, RawRow, RowSyntaxError, is_empty_row, split_rows
from findtune.ingest.data_files import files_with_suffix, listed_names, open_packed, printable_path
from findtune.ingest.file_contents import (
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

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
CSV_SUFFIXES = (".csv", ".tsv", ".tab")  # each also packed, as .csv.gz
ANY_SEPARATOR = "".join(SEPARATORS)
MAX_UNPACKED_BYTES = 1 << 30
MAX_TITLE_LINES = 10  # of a file, in which the header is looked for
MANY_NULS = 0.2  # share of NUL bytes, of which UTF-8 has none and UTF-16 up to a half


class CsvRow(NamedTuple):
    """The cells of one row by column, and the line where the row begins."""

    file: str
    line: int
    cells: Mapping[str, str]

    @property
    def location(self) -> str:
        """The file and the line of the row."""
        return f"{self.file}:{self.line}"


def csv_files(folder: Path) -> list[Path]:
    """Return the CSV files under a folder, sorted by name; raise InputError if there are none."""
    files = find_csv_files(folder)
    if not files:
        others = listed_names(folder)
        remedy = f", only {others}; save the table as CSV in UTF-8" if others else ""
        raise InputError(f"{folder} holds no *.csv file{remedy or '; put at least one there'}.")
    return files


def find_csv_files(folder: Path) -> list[Path]:
    """Return the CSV and TSV files under a folder, also packed by gzip, sorted by name."""
    return files_with_suffix(folder, CSV_SUFFIXES)


def reject_row(report: IngestReport, row: CsvRow, *, column: str, reason: str, remedy: str) -> None:
    """Report that a row is left out."""
    value = abbreviate(row.cells.get(column, ""))
    report.add([ReportRow("rejected", row.file, row.line, column, value, reason, remedy)])


def drop_row(report: IngestReport, row: CsvRow, *, column: str, reason: str, remedy: str) -> None:
    """Report that a row is left out although it has no fault, such as a repeated row."""
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

    A repeated header, as in files that were joined, names the columns from there on.
    advance: called with the size of the file in bytes. Raises InputError when the whole file
    can't be read: it is missing, empty or UTF-16, or its header is wrong.
    """
    file, lines = printable_path(path), read_utf8_bytes(path).splitlines(keepends=True)
    separator, start = find_dialect(lines, header)
    flag_lines_before(report, file, lines[:start])
    raw_rows = split_rows(lines, max_row_bytes, separator=separator, start=start)
    first = next(raw_rows, RawRow(1, []))  # a file may hold nothing but empty rows
    columns = read_header(first, header, file)
    empty = dict.fromkeys(header.form_of(columns).optional, "")
    flag_separator(report, file, separator)
    headers = [start]
    for raw_row in separate_headers(raw_rows, first):
        try:
            if again := header_again(raw_row, header, columns, file):
                columns = header.name_columns(again, file)
                empty = dict.fromkeys(header.form_of(columns).optional, "")
                headers.append(raw_row.line)
                continue
            report.rows_by_file[file] += 1
            refuse_other_separator(raw_row, header, file)
            cells = name_cells(raw_row, columns, separator)
        except RowSyntaxError as error:
            reject_line(report, file, raw_row.line, text=lines[raw_row.line - 1], error=error)
        else:
            yield CsvRow(file, raw_row.line, empty | cells)
    flag_headers(report, file, headers[1:])
    advance(path.stat().st_size)


def find_dialect(lines: Sequence[bytes], header: Header) -> tuple[str, int]:
    """Return the separator of a file and the index of the line to read from, after `sep=;`."""
    for index, line in enumerate(lines):
        if not is_empty_row(line, ANY_SEPARATOR):
            directive = SEP_LINE.fullmatch(line)
            if directive:
                return directive[1].decode(), index + 1
            return find_form(lines, index, header)
    return ",", 0


def find_form(lines: Sequence[bytes], index: int, header: Header) -> tuple[str, int]:
    """Return the separator of a file and the index of the line to read from, below any title.

    index: the first line that is not empty. It counts as the header if none of the next ones is.
    """
    for place in range(index, min(len(lines), index + MAX_TITLE_LINES)):
        separator = find_separator(lines[place], header)
        if header.fits(split_line(lines[place].decode("utf-8", "replace"), separator)):
            return separator, 0 if place == index else place
    return find_separator(lines[index], header), 0


def flag_lines_before(report: IngestReport, file: str, lines: Sequence[bytes]) -> None:
    """Report once that lines above the header were skipped, such as a title."""
    filled = (line for line in lines if not is_empty_row(line, ANY_SEPARATOR))
    titles = [line for line in filled if not SEP_LINE.fullmatch(line)]
    if titles:
        reason = f"{len(titles)} lines above the header"
        value = abbreviate(titles[0].decode("utf-8", "replace"))
        remedy = "they were passed over; begin with the header"
        report.add_notes([FileReportRow("dropped", file, 1, "", value, reason, remedy)])


def refuse_other_separator(raw_row: RawRow, header: Header, file: str) -> None:
    """Raise InputError for a row that repeats the header with another separator."""
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
    """Return the cells of a row that repeats the header; None for any other row.

    Raises InputError for a row that gives some columns other names.
    """
    if isinstance(raw_row.cells, RowSyntaxError) or not header.has_name(raw_row.cells):
        return None
    if header.fits(raw_row.cells):
        return raw_row.cells
    refuse_other_names(raw_row.cells, columns, f"{file}:{raw_row.line}")
    return None


def separate_headers(raw_rows: Iterable[RawRow], first: RawRow) -> Iterator[RawRow]:
    """Yield rows; one that has the repeated header in the same line becomes two.

    That happens where files are joined and one lacks its last line end. first: the header's row.
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
    """Return the column names of a file; raise InputError if its first row is no header."""
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

"""Splits the bytes of a CSV file into rows of cells, before the cells are matched to columns.

A row is a record of RFC 4180, so quotes may make it span lines. A syntax error loses as little as
possible: where a quote is never closed, or is closed in another row, only the line that opens it is
rejected.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from findtune.ingest.file_contents import CONFLICT, CONFLICT_REMEDY, is_conflict_mark

BOM = b"\xef\xbb\xbf"  # spreadsheets write it
# The bytes of an empty row of a spreadsheet, and those that old systems write at a file's end.
BLANKS = b" \t\r\n,\0\x1a"
QUOTED_BLANKS = re.compile(rb'(?<!")"[ \t\0]*"(?!")')  # an empty cell of exports that quote all
OPENING = re.compile(rb'(?:^|[,;\t|])(?:\xef\xbb\xbf)*[ \t]*"')  # a quote that begins a cell


class BlanksDialect(csv.excel):
    """Blanks before quotes, as people write them."""

    skipinitialspace, strict = True, True


class BackslashDialect(csv.excel):
    """Backslashes before quotes, as Spark and MySQL write them."""

    escapechar, doublequote, strict = "\\", False, True


class RowSyntaxError(Exception):
    """Raised for a row that is not valid CSV: reason and remedy."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class RawRow(NamedTuple):
    """The cells of a row before they have names, or the error that stands for them."""

    line: int
    cells: list[str] | RowSyntaxError


def split_rows(
    lines: Sequence[bytes], max_row_bytes: int, *, separator: str = ",", start: int = 0
) -> Iterator[RawRow]:
    """Yield the rows from line index `start` on, without empty ones; line numbers count from 1."""
    width, index = None, start  # width: the number of cells in the header
    closing = -1  # index of the line whose quote may close one of the bad row before
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
        if width is None or any(map(str.strip, cells)):
            width = len(cells) if width is None else width
            yield RawRow(index + 1, cells)
        index += span


def is_empty_row(line: bytes, separator: str = "") -> bool:
    """Return whether a line holds nothing; an empty file that was joined leaves its BOM.

    separator: the characters that may separate its cells, besides commas.
    """
    blanks = BLANKS + separator.encode()
    rest = line.replace(BOM, b"").strip(blanks)
    if QUOTED_BLANKS.match(rest):
        rest = QUOTED_BLANKS.sub(b"", rest).strip(blanks)
    return not rest


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
    """Return whether a row has `width` cells; spreadsheets may add empty ones at the end."""
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

    is_closing: whether its first quote may close one that another row opened.
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

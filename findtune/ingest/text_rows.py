"""Reads CSV rows with clean texts: HTML is removed, and words such as nan become empty cells."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from findtune.ingest.csv_header import Header
from findtune.ingest.csv_rows import CsvRow, read_rows
from findtune.ingest.file_notes import FileNotes
from findtune.ingest.limits import IngestLimits
from findtune.ingest.null_words import is_null_word
from findtune.ingest.plain_text import (
    clean_line,
    decode_entities,
    strip_html,
    strip_tags,
    to_one_line,
)
from findtune.ingest.report import Advance, IngestReport

# UTF-8 that was read as cp1252 or latin-1: two characters for é, three for a dash. Other scripts
# are known by two letters side by side: of two characters each in Cyrillic or Arabic, of three in
# Hindi, Thai or Chinese.
TAIL = r"[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
GARBLED = re.compile(
    rf"[ÂÃ]{TAIL}|â[\x80€][\x80-\xbf€™œ“”¢˜¦]|(?:[Ä-ß]{TAIL}|[à-ï]{TAIL}{TAIL}){{2}}|\ufffd"
)
FORCED_TEXT = re.compile(r'="((?:[^"]|"")*)"')  # ="007" of programs that export CSV

# =SUM(A1:A9), =Sheet1!B2 and =A1&" people" of spreadsheets, but no equation, and no =CO2 a head.
FORMULA = re.compile(
    r"=\s*+(?:[A-Z][A-Z0-9.]+\(.*\)"
    r"|(?:'?[\w ]+'?!)?\$?[A-Z]{1,3}\$?\d+\b\s*(?:[-+*/^&=<>:%].*)?)",
    re.DOTALL,
)


def read_texts(
    path: Path,
    header: Header,
    *,
    limits: IngestLimits,
    report: IngestReport,
    advance: Advance,
    lists: Collection[str] = (),
    verbatim: Collection[str] = (),
) -> Iterator[CsvRow]:
    """Yield the good rows of a CSV file with clean cells, and report what is unusual in them.

    lists: columns that hold several texts, which keep what separates them. verbatim: columns that
    hold no text but an id or a number. Raises InputError as `read_rows` does.
    """
    size = limits.max_row_bytes
    rows = read_rows(path, header, max_row_bytes=size, report=report, advance=advance)
    notes = FileNotes(report, "")
    for row in rows:
        notes.file = row.file
        clean = {
            column: row.cells[column]
            if column in verbatim
            else clean_cell(row, column, is_list=column in lists, notes=notes)
            for column in row.cells
            if column in header.columns
        }
        yield row._replace(cells=clean)
    notes.write()


def clean_cell(row: CsvRow, column: str, *, is_list: bool, notes: FileNotes) -> str:
    """Return the text of a cell; "" for a word that stands for nothing."""
    cell = without_equals(row.cells[column])
    if not cell:
        return ""
    if is_null_word(cell):
        reason, remedy = "a word that stands for nothing", "leave the cell empty; it was read so"
        notes.add(row.line, column, value=cell, reason=reason, remedy=remedy)
        return ""
    if FORMULA.fullmatch(cell):
        reason, remedy = "a formula, and no text", "paste the values; it was read as empty"
        notes.add(row.line, column, value=cell, reason=reason, remedy=remedy)
        return ""
    if not cell.isascii() and GARBLED.search(cell):
        reason, remedy = "characters of another encoding", "save the original file as UTF-8 again"
        notes.add(row.line, column, value=cell, reason=reason, remedy=remedy)
    text = strip_html(cell, "\n" if is_list else " ")
    if text != cell:
        reason, remedy = "HTML was removed", "write plain text"
        notes.add(row.line, column, value=cell, reason=reason, remedy=remedy)
    return text.strip() if is_list else clean_line(text)


def without_equals(cell: str) -> str:
    """Return the text of a cell like ="007", written so that spreadsheets do not read 7."""
    match = FORCED_TEXT.fullmatch(cell)
    return match[1].replace('""', '"').strip() if match else cell


def clean_id(cell: str) -> str:
    """Return an id or a number in one line, without HTML; "" for a word that stands for nothing."""
    cell = without_equals(cell)
    return "" if is_null_word(cell) else to_one_line(strip_tags(decode_entities(cell), " "))

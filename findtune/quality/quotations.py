"""Where files that people edit quote a question, so that who forgets it can remove it there."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from findtune.core.errors import InputError
from findtune.ingest.csv_header import Header
from findtune.ingest.csv_rows import find_dialect, read_utf8_bytes
from findtune.ingest.csv_syntax import RowSyntaxError, has_width, split_rows
from findtune.ingest.review import MAX_ROW_BYTES, from_cell

TRAINING = Path("data", "training_data")
# The tables into which `make stats` and `make grade` write questions that users asked.
TABLES = (TRAINING / "review.csv", TRAINING / "search_grades.csv", Path("review", "picks.csv"))
COLUMNS = ("query", "history")
HEADER = Header(COLUMNS, optional=frozenset(COLUMNS))
BETWEEN = " | "  # the earlier questions in a cell of the column history
Key = Callable[[str], str]  # of a text; texts that count as one have equal keys
ENCODINGS = ("utf-8", "cp1252")  # of rows that a spreadsheet may have saved


def quotations(root: Path, question: str, as_key: Key) -> Iterator[str]:
    """Yield the file and the line of each row that has a question, in any spelling with its key.

    A row begins in this line. Raises InputError for tables that can't be read, after the others.
    """
    unread: list[str] = []
    for table in TABLES:
        path = root / table
        if not path.exists() or not path.stat().st_size:
            continue
        try:
            lines = read_utf8_bytes(path).splitlines(keepends=True)
        except InputError as error:
            unread.append(str(error))
            continue
        yield from (f"{table}, line {line}" for line in quoting_lines(lines, question, as_key))
    if unread:
        raise InputError(f"the question was not looked for in every table: {' '.join(unread)}")


def quoting_lines(lines: Sequence[bytes], question: str, as_key: Key) -> Iterator[int]:
    """Yield the lines of a table where rows with a question begin.

    A row that does not fit the header counts if its lines have the question anywhere.
    """
    separator, start = find_dialect(lines, HEADER)
    rows = [*split_rows(lines, MAX_ROW_BYTES, separator=separator, start=start)]
    if not rows or isinstance(rows[0].cells, RowSyntaxError):
        return
    columns = HEADER.match(rows[0].cells)
    if not {*COLUMNS} & {*columns}:
        return
    ends = [*(row.line - 1 for row in rows[1:]), len(lines)]
    for row, end in [*zip(rows, ends, strict=True)][1:]:
        if isinstance(row.cells, RowSyntaxError) or not has_width(row.cells, len(columns)):
            quotes = is_quoted(lines[row.line - 1 : end], question, as_key)
        else:
            cells = zip(columns, row.cells, strict=False)  # behind the last column are empty ones
            quotes = any(is_question(name, cell, question, as_key) for name, cell in cells)
        if quotes:
            yield row.line


def is_question(column: str, cell: str, question: str, as_key: Key) -> bool:
    """Return whether a cell has a question, alone or among those of a history."""
    key, text = as_key(question), as_key(from_cell(cell.strip()))
    is_earlier = column == "history" and f"{BETWEEN}{key}{BETWEEN}" in f"{BETWEEN}{text}{BETWEEN}"
    return is_earlier or (column == "query" and text == key)


def is_quoted(lines: Sequence[bytes], question: str, as_key: Key) -> bool:
    """Return whether some lines have a question anywhere, whatever their quotes and encoding."""
    texts = (b"".join(lines).decode(encoding, "replace") for encoding in ENCODINGS)
    key = as_key(question.replace('"', ""))
    return any(key in as_key(text.replace('"', "")) for text in texts)

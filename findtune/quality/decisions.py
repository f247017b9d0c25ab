"""Lists of labels to review, and the decisions in them, which move to files that ingest reads.

    review/pairs.csv  ->  data/finetuning/review.csv
    review/picks.csv  ->  data/training_data/review.csv

The lists themselves are not data: no stage reads them, and git ignores them.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.core.files import write_csv
from findtune.ingest.csv_header import Header, find_separator
from findtune.ingest.review import REVIEW, ListReview, PairReview

LISTS = Path("review")
Cells = tuple[str, ...]
Row = Mapping[str, str]


class StoredRows(NamedTuple):
    """The columns of a file of labels, including those that a person added, and its rows."""

    header: list[str]
    rows: list[Row]


class ReviewList(NamedTuple):
    """A list of labels: its file, the folder of the data that it is about, and the columns."""

    name: str
    folder: str
    needed: tuple[str, ...]
    columns: tuple[str, ...]

    def key(self, row: Row) -> Cells:
        """Return the cells of a row that say which label it is about."""
        return tuple(row.get(name) or "" for name in self.columns[:2])

    def path(self, root: Path) -> Path:
        """Return the file of the list."""
        return root / LISTS / self.name

    def decisions(self, root: Path) -> Path:
        """Return the file of the decisions, which ingest reads."""
        return root / "data" / self.folder / REVIEW


PAIRS = ReviewList(
    "pairs.csv",
    "finetuning",
    PairReview.COLUMNS,
    ("sentence_1", "sentence_2", "score", "expected", "decision", "source"),
)
PICKS = ReviewList(
    "picks.csv",
    "training_data",
    ListReview.COLUMNS,
    ("query", "url", "title", "label", "expected", "decision", "record"),
)


def take_decisions(root: Path) -> Iterator[str]:
    """Move the rows with a decision from the lists to the data; yield a line about each file.

    A newer decision on a label replaces an older one. Raises InputError for a list or a file of
    decisions that can't be read.
    """
    for labels in (PAIRS, PICKS):
        path, target = labels.path(root), labels.decisions(root)
        stored = stored_rows(path, labels.columns, labels.needed)
        decided = [row for row in stored.rows if is_decided(row)]
        if not decided:
            continue
        add_decisions(target, labels, stored._replace(rows=decided))
        write_rows(path, stored.header, [row for row in stored.rows if not is_decided(row)])
        yield f"{len(decided)} decisions of {path} are in {target} now"


def add_decisions(path: Path, labels: ReviewList, decided: StoredRows) -> None:
    """Append decisions to those of a file; keep columns that a person added to either."""
    before = stored_rows(path, labels.columns, labels.needed)
    known = {labels.key(row) for row in decided.rows}
    kept = [row for row in before.rows if labels.key(row) not in known]
    old = before.header if path.exists() else []
    write_rows(path, [*dict.fromkeys([*old, *decided.header])], [*kept, *decided.rows])


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows under a header; a cell that a row lacks is empty."""
    write_csv(path, header, [[row.get(name) or "" for name in header] for row in rows])


def is_decided(row: Row) -> bool:
    """Return whether somebody has written a decision into a row."""
    return bool((row.get("decision") or "").strip())


def stored_rows(path: Path, columns: Sequence[str], needed: Sequence[str]) -> StoredRows:
    """Return the rows of a list's file with all its columns; no rows if there is no file.

    columns: those of a new list. Empty rows, and columns without a name and without cells, are left
    out; one that has only cells gets a name. Raises InputError for a file that can't be read, that
    lacks a needed column, that has a column twice or that has cells beyond its header.
    """
    if not path.exists():
        return StoredRows([*columns], [])
    wanted = Header(columns, optional=frozenset(columns) - {*needed})
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = find_separator(file.readline().encode(), wanted)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            names = wanted.match(next(reader, []))
            if missing := wanted.missing(names):
                raise InputError(f"{path}: no column {', '.join(missing)}; keep the header.")
            cells = [padded(row, len(names), f"{path}:{reader.line_num}") for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}; save it as CSV in UTF-8.") from None
    filled = [row for row in cells if any(map(str.strip, row))]
    header = with_names(names, filled)
    refuse_duplicates(header, path)
    rows: list[Row] = [
        {name: cell for name, cell in zip(header, row, strict=True) if name} for row in filled
    ]
    return StoredRows([*dict.fromkeys([*filter(None, header), *columns])], rows)


def padded(cells: list[str], width: int, place: str) -> list[str]:
    """Return the cells of a row, with an empty one for each that it lacks.

    Raises InputError for filled cells beyond the header: nobody knows to which column they belong.
    """
    if any(map(str.strip, cells[width:])):
        raise InputError(
            f"{place}: {len(cells)} cells where the header has {width}; quote cells that hold the "
            "separator, or write a name for each column into the header."
        )
    return cells[:width] + [""] * (width - len(cells))


def with_names(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of columns; one that has only cells gets its place as its name.

    A column that has neither keeps its empty name.
    """
    return [
        name or (f"column {place + 1}" if any(row[place].strip() for row in rows) else "")
        for place, name in enumerate(names)
    ]


def refuse_duplicates(header: Sequence[str], path: Path) -> None:
    """Raise InputError for a column that comes twice: one of the two would be lost."""
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise InputError(f"{path}: duplicate column {', '.join(twice)}; keep one of them.")

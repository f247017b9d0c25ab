"""Lists of labels to review, and the decisions in them, which move to where ingest reads them.

    review/pairs.csv  ->  data/finetuning/review.csv
    review/picks.csv  ->  data/training_data/review.csv

A list without a decision is no data: no stage reads it, and git ignores it.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from findtune.core.files import write_csv
from findtune.ingest.review import REVIEW, ListReview, PairReview, read_review

LISTS = Path("review")
Cells = tuple[str, ...]


class ReviewList(NamedTuple):
    """A list of labels: its file, the folder of the data that it is about, and their columns."""

    name: str
    folder: str
    needed: tuple[str, ...]
    columns: tuple[str, ...]

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
        rows = stored_rows(path, labels)
        decided = [row for row in rows if is_decided(row, labels)]
        if not decided:
            continue
        add_decisions(target, labels, decided)
        write_csv(path, labels.columns, [row for row in rows if not is_decided(row, labels)])
        yield f"{len(decided)} decisions of {path} are in {target} now"


def add_decisions(path: Path, labels: ReviewList, decided: Sequence[Cells]) -> None:
    """Write decisions after those that a file has; columns that a person added to it stay."""
    read_review(path, labels.needed)  # refuses a file that ingest can't read
    header, before = [*labels.columns], list[dict[str, str]]()
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            before = [*(reader := csv.DictReader(file))]
        header = [*dict.fromkeys([*(reader.fieldnames or ()), *header])]
    known = {row[:2] for row in decided}
    kept = [row for row in before if tuple(row[name] for name in labels.columns[:2]) not in known]
    new = [dict(zip(labels.columns, row, strict=True)) for row in decided]
    write_csv(path, header, [[row.get(name) or "" for name in header] for row in [*kept, *new]])


def is_decided(row: Sequence[str], labels: ReviewList) -> bool:
    """Return whether somebody has written a decision into a row."""
    return bool(row[labels.columns.index("decision")].strip())


def stored_rows(path: Path, labels: ReviewList) -> list[Cells]:
    """Return the cells of a list as they stand in its file; none if there is no file.

    Raises InputError for a file that can't be read.
    """
    if not read_review(path, labels.needed):
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            tuple(row.get(name) or "" for name in labels.columns) for row in csv.DictReader(file)
        ]

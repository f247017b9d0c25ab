"""Writes labels that are in doubt into the review.csv that ingest reads back.

Rows with a decision stay as they are; the others are replaced by those that are in doubt now.
"""

import csv
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from findtune.core.files import write_csv
from findtune.ingest.review import (
    PASSED_OVER,
    PICKED,
    REVIEW,
    ListReview,
    PairReview,
    read_review,
    to_cell,
)
from findtune.quality.doubtful_labels import DoubtfulPair, DoubtfulPick

PAIR_COLUMNS = ("sentence_1", "sentence_2", "score", "expected", "decision", "source")
LIST_COLUMNS = ("query", "url", "title", "label", "expected", "decision", "record")
MAX_ROWS = {"pairs": 50, PICKED: 50, PASSED_OVER: 25}  # what a person reads at once

Cells = tuple[str, ...]


def list_pairs(folder: Path, doubtful: Sequence[DoubtfulPair]) -> int:
    """Write the most doubtful scored pairs; return how many wait for a decision."""
    rows = (
        (
            pair.record["sentence_1"],
            pair.record["sentence_2"],
            f"{pair.record['score']:g}",
            f"{pair.expected:.2f}",
            "",
            pair.record["source"],
        )
        for pair in doubtful
    )
    read_review(folder, PairReview.COLUMNS)  # refuses a file that ingest can't read
    return write_review(folder, PAIR_COLUMNS, rows, MAX_ROWS["pairs"])


def list_picks(folder: Path, doubtful: Sequence[DoubtfulPick]) -> int:
    """Write the most doubtful picks and missed picks; return how many wait for a decision."""
    kept = [
        pick
        for label in (PICKED, PASSED_OVER)
        for pick in islice((each for each in doubtful if each.label == label), MAX_ROWS[label])
    ]
    rows = (
        (
            pick.record["query"],
            pick.source["url"],
            pick.source["title"],
            pick.label,
            f"{pick.expected:.2f}",
            "",
            pick.record["record"],
        )
        for pick in kept
    )
    read_review(folder, ListReview.COLUMNS)
    return write_review(folder, LIST_COLUMNS, rows, len(kept))


def write_review(folder: Path, columns: Sequence[str], rows: Iterable[Cells], most: int) -> int:
    """Write decided rows and new ones; return the number of new ones.

    The same rows change nothing. Where no row is left, no file is made.
    """
    path = folder / REVIEW
    before = stored_rows(path, columns)
    place = [*columns].index("decision")
    decided = [row for row in before if row[place].strip()]
    known = {row[:2] for row in decided}
    fresh = (tuple(map(to_cell, row)) for row in rows)
    new = [*islice((row for row in fresh if row[:2] not in known), most)]
    if [*decided, *new] != before:
        write_csv(path, columns, [*decided, *new])
    return len(new)


def stored_rows(path: Path, columns: Sequence[str]) -> list[Cells]:
    """Return the cells of a review as they stand in its file; none if there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [tuple(row.get(column) or "" for column in columns) for row in csv.DictReader(file)]

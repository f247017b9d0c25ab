"""Writing labels that are in doubt into the lists of review/, for a person to decide.

A label with a decision is not listed again; all other rows are replaced. A row with a note in a
column that a person added stays.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from findtune.ingest.review import PASSED_OVER, PICKED, to_cell
from findtune.quality.decisions import (
    PAIRS,
    PICKS,
    Cells,
    ReviewList,
    Row,
    is_decided,
    stored_rows,
    write_rows,
)
from findtune.quality.doubtful_labels import DoubtfulPair, DoubtfulPick

MAX_ROWS = {"pairs": 50, PICKED: 50, PASSED_OVER: 25}  # what a person reads at once


def list_pairs(root: Path, doubtful: Sequence[DoubtfulPair]) -> int:
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
    return write_review(root, PAIRS, rows)


def list_picks(root: Path, doubtful: Sequence[DoubtfulPick]) -> int:
    """Write the most doubtful picks and missed picks; return how many wait for a decision."""
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
        for label in (PICKED, PASSED_OVER)
        for pick in doubtful
        if pick.label == label
    )
    return write_review(root, PICKS, rows)


def write_review(root: Path, labels: ReviewList, rows: Iterable[Cells]) -> int:
    """Write the labels that wait for a decision; return their number.

    The file is written only if its rows change, and no file is made for no rows. Cells in columns
    that a person added are kept.
    """
    path = labels.path(root)
    before, decided = (
        stored_rows(each, labels.columns, labels.needed) for each in (path, labels.decisions(root))
    )
    decisions = [*before.rows, *decided.rows]
    known = {labels.key(row) for row in decisions if is_decided(row)}
    added = {labels.key(row): added_cells(row, labels) for row in before.rows}
    fresh = (dict(zip(labels.columns, map(to_cell, row), strict=True)) for row in rows)
    waiting = [*first_rows(row for row in fresh if labels.key(row) not in known)]
    new = [{**row, **added.get(labels.key(row), {})} for row in waiting]
    listed = {labels.key(row) for row in new}
    kept = [row for row in before.rows if is_decided(row)]
    kept += [row for row in before.rows if has_note(row, labels) and labels.key(row) not in listed]
    if [*kept, *new] != before.rows:
        write_rows(path, before.header, [*kept, *new])
    return len(new)


def first_rows(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Yield at most MAX_ROWS rows of each label; all scored pairs count as one label."""
    counts: Counter[str] = Counter()
    for row in rows:
        label = row.get("label", "pairs")
        counts[label] += 1
        if counts[label] <= MAX_ROWS[label]:
            yield row


def added_cells(row: Row, labels: ReviewList) -> dict[str, str]:
    """Return the cells of a row in columns that a person added."""
    return {name: cell for name, cell in row.items() if name not in labels.columns}


def has_note(row: Row, labels: ReviewList) -> bool:
    """Return whether a person wrote a note into a row, but no decision."""
    return not is_decided(row) and any(added_cells(row, labels).values())

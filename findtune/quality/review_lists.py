"""Writes labels that are in doubt into the lists of review/, for a person to decide.

A label on which somebody has decided is listed no more; the others are made anew.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from findtune.core.files import write_csv
from findtune.ingest.review import PASSED_OVER, PICKED, to_cell
from findtune.quality.decisions import PAIRS, PICKS, Cells, ReviewList, is_decided, stored_rows
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
    return write_review(root, PAIRS, rows, MAX_ROWS["pairs"])


def list_picks(root: Path, doubtful: Sequence[DoubtfulPick]) -> int:
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
    return write_review(root, PICKS, rows, len(kept))


def write_review(root: Path, labels: ReviewList, rows: Iterable[Cells], most: int) -> int:
    """Write the labels that wait for a decision; return their number.

    The same rows change nothing. Where no row is left, no file is made.
    """
    path = labels.path(root)
    before = stored_rows(path, labels)
    decisions = [*before, *stored_rows(labels.decisions(root), labels)]
    known = {row[:2] for row in decisions if is_decided(row, labels)}
    fresh = (tuple(map(to_cell, row)) for row in rows)
    new = [*islice((row for row in fresh if row[:2] not in known), most)]
    kept = [row for row in before if is_decided(row, labels)]
    if [*kept, *new] != before:
        write_csv(path, labels.columns, [*kept, *new])
    return len(new)

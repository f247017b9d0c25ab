"""Pairs of sentences with a score in [0, 1]: how close a curator wants them to be."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from findtune.files import write_csv
from findtune.splits import fold
from findtune.tables import Note, Row, Shape, csv_files, read_rows, rejected

PAIRS = Shape(required=("sentence_1", "sentence_2", "score"), also={"label": "score"})
SCORE = "write a number from 0 (nothing in common) to 1 (the same)"


class ScoredPair(NamedTuple):
    """Two sentences and their score; `source` is file:line."""

    sentence_1: str
    sentence_2: str
    score: float
    source: str


class Checked(BaseModel):
    """What a row must hold."""

    sentence_1: str = Field(min_length=1)
    sentence_2: str = Field(min_length=1)
    score: float = Field(ge=0, le=1, allow_inf_nan=False)


def read_scored_pairs(folder: Path, longest_cell: int) -> tuple[list[ScoredPair], list[Note]]:
    """Return the pairs in all CSV files of a folder, and what was rejected.

    Raises InputError when there is no CSV file, or one that can't be read at all.
    """
    pairs: list[ScoredPair] = []
    notes: list[Note] = []
    known: dict[frozenset[str], ScoredPair] = {}
    for path in csv_files(folder):
        rows, bad = read_rows(path, PAIRS, longest_cell)
        notes += bad
        for row in rows:
            found = scored_pair(row)
            if isinstance(found, ScoredPair):
                found = twice(row, found, known) or found
            if isinstance(found, Note):
                notes.append(found)
            else:
                pairs.append(found)
    return pairs, notes


def scored_pair(row: Row) -> ScoredPair | Note:
    """Return the pair in a row, or why the row is left out."""
    try:
        good = Checked.model_validate(dict(row.cells))
    except ValidationError as error:
        problem = error.errors()[0]
        column = str(problem["loc"][0])
        remedy = SCORE if column == "score" else "write the sentence, or delete the row"
        return rejected(row, column, problem["msg"], remedy)
    one, two = (" ".join(text.split()) for text in (good.sentence_1, good.sentence_2))
    return ScoredPair(one, two, good.score, f"{row.file}:{row.line}")


def twice(row: Row, pair: ScoredPair, known: dict[frozenset[str], ScoredPair]) -> Note | None:
    """Return a note if the pair, in either order, was read before; else remember it."""
    first = known.setdefault(frozenset((fold(pair.sentence_1), fold(pair.sentence_2))), pair)
    if first is pair:
        return None
    if first.score == pair.score:
        return rejected(row, "sentence_1", f"the pair of {first.source} again", "delete one")
    reason = f"the pair of {first.source} again, scored {first.score:g} there"
    return rejected(row, "score", reason, "keep the score that is right")


def write_scored_pairs(path: Path, pairs: Iterable[ScoredPair]) -> None:
    """Write the clean pairs."""
    write_csv(path, ScoredPair._fields, pairs)


def read_clean_pairs(path: Path) -> list[ScoredPair]:
    """Return the clean pairs."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [ScoredPair(one, two, float(score), source) for one, two, score, source in rows]

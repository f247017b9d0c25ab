"""Scored pairs: two sentences and how similar a curator wants them to be, from 0 to 1.

Read from data/finetuning/*.csv (sentence_pairs) and data/guard/*.csv (guard), without the
guard queries: sentence_1,sentence_2,score; the last column may be called label.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, ValidationError

from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.ingest.csv_rows import (
    CsvRow,
    Header,
    csv_files,
    find_csv_files,
    read_rows,
    reject_row,
)
from findtune.ingest.limits import IngestLimits
from findtune.ingest.report import Advance, IngestReport

HEADER = Header(("sentence_1", "sentence_2", "score"), aliases={"label": "score"})
SCORE_REMEDY = "write a number from 0 (unrelated) to 1 (same meaning)"


class ScoredPair(NamedTuple):
    """Two sentences and their score; `source` is file:line."""

    sentence_1: str
    sentence_2: str
    score: float
    source: str


class PairCells(BaseModel):
    """The cells that a row must have."""

    sentence_1: str = Field(min_length=1)
    sentence_2: str = Field(min_length=1)
    score: float = Field(ge=0, le=1, allow_inf_nan=False)


@dataclass(frozen=True)
class PairReader:
    """Reads the scored pairs of one folder under data/.

    required: whether there must be a file with at least one good pair; other_stem: files whose
    names begin with it hold something else.
    """

    folder: str
    required: bool = True
    other_stem: str | None = None

    def files(self, data: Path) -> list[Path]:
        """Return the CSV files of the folder; raise InputError if required ones are missing."""
        paths = (csv_files if self.required else find_csv_files)(data / self.folder)
        if self.other_stem is None:
            return paths
        return [path for path in paths if not path.name.startswith(self.other_stem)]

    def read(
        self, data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield the pairs of all files, and report the bad rows and the duplicates."""
        first_pairs: dict[frozenset[str], ScoredPair] = {}
        size = limits.max_row_bytes
        for path in self.files(data):
            for row in read_rows(path, HEADER, max_row_bytes=size, report=report, advance=advance):
                pair = parse_pair(row, report)
                if pair and not reject_duplicate(row, pair, first_pairs=first_pairs, report=report):
                    report.accepted += 1
                    yield pair._asdict()
        report.counts["pairs"] = report.accepted


def parse_pair(row: CsvRow, report: IngestReport) -> ScoredPair | None:
    """Return the pair in a row, or None for a row that is rejected."""
    try:
        cells = PairCells.model_validate(dict(row.cells))
    except ValidationError as error:
        problem = error.errors()[0]
        column = str(problem["loc"][0])
        remedy = SCORE_REMEDY if column == "score" else "write the sentence, or delete the row"
        reject_row(report, row, column=column, reason=problem["msg"], remedy=remedy)
        return None
    first, second = " ".join(cells.sentence_1.split()), " ".join(cells.sentence_2.split())
    return ScoredPair(first, second, cells.score, row.location)


def reject_duplicate(
    row: CsvRow,
    pair: ScoredPair,
    *,
    first_pairs: dict[frozenset[str], ScoredPair],
    report: IngestReport,
) -> bool:
    """Reject a pair that was read before, in either order; remember a new one. Return which."""
    key = frozenset((normalize(pair.sentence_1), normalize(pair.sentence_2)))
    first = first_pairs.setdefault(key, pair)
    if first is pair:
        return False
    column, reason, remedy = "sentence_1", f"a duplicate of the pair at {first.source}", "delete it"
    if first.score != pair.score:
        reason = f"the pair at {first.source} again, but with the score {first.score:g} there"
        column, remedy = "score", "keep the pair with the correct score"
    reject_row(report, row, column=column, reason=reason, remedy=remedy)
    return True

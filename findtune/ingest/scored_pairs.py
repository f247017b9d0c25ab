"""Scored pairs: reads pairs of sentences, and how similar curators want them, from 0 to 1.

Read from data/finetuning/*.csv (sentence_pairs) and data/guard/*.csv (guard) except the guard
queries: sentence_1,sentence_2,score; the last column may be called label. A pair that several
people scored gets the mean of their scores.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.ingest.csv_rows import (
    CsvRow,
    Header,
    csv_files,
    drop_row,
    find_csv_files,
    flag_row,
    reject_row,
)
from findtune.ingest.data_files import unread_rows, walk_files
from findtune.ingest.limits import IngestLimits
from findtune.ingest.report import Advance, FileReportRow, IngestReport, remark
from findtune.ingest.review import REVIEW, PairReview
from findtune.ingest.score_scale import other_scale, parse_score
from findtune.ingest.text_rows import clean_id, read_texts
from findtune.ingest.wordings import wording

HEADER = Header(
    ("sentence_1", "sentence_2", "score"),
    aliases={"label": "score", "sentence1": "sentence_1", "sentence2": "sentence_2"},
)
SENTENCES = ("sentence_1", "sentence_2")
SCORE_REMEDY = "write a number from 0 (unrelated) to 1 (same meaning)"


class ScoredPair(NamedTuple):
    """Two sentences and their score; `source` is file:line."""

    sentence_1: str
    sentence_2: str
    score: float
    source: str


@dataclass
class ScoredTwice:
    """The pairs that were read, by their sentences: the first row of each, and all its scores.

    again: the rows whose pair was read before, with the first row of their pair.
    """

    firsts: dict[frozenset[str], ScoredPair] = field(default_factory=dict)
    scores: dict[frozenset[str], list[float]] = field(default_factory=dict)
    again: list[tuple[CsvRow, float, ScoredPair]] = field(default_factory=list)

    def add(self, row: CsvRow, pair: ScoredPair) -> None:
        """Add a pair; for one that was read before, in either order, add only its score."""
        key = frozenset(map(wording, pair[:2]))
        first = self.firsts.setdefault(key, pair)
        self.scores.setdefault(key, []).append(pair.score)
        if first is not pair:
            self.again.append((row, pair.score, first))

    def report_again(self, report: IngestReport) -> None:
        """Report the rows whose pair was read before, once all scores of each pair are known.

        A row that changes nothing is dropped: all scores of its pair are equal.
        """
        averaged = {pair for key, pair in self.firsts.items() if len({*self.scores[key]}) > 1}
        for row, score, first in self.again:
            if first in averaged:
                flag_again(row, score, first, report)
            else:
                reason = f"a duplicate of the pair at {first.source}"
                drop_row(report, row, column="sentence_1", reason=reason, remedy="deliver it once")

    def pairs(self) -> Iterator[ScoredPair]:
        """Yield each pair once, with the mean of its scores."""
        for key, pair in self.firsts.items():
            scores = self.scores[key]
            yield pair if len({*scores}) == 1 else pair._replace(score=round(fmean(scores), 6))

    def agreement(self) -> str:
        """Return how far the scores of one pair are apart; "" if no pair has different scores."""
        gaps = [max(scores) - min(scores) for scores in self.scores.values() if len(scores) > 1]
        if not any(gaps):
            return ""
        apart = f"{fmean(gaps):.2g} apart in the mean and {max(gaps):.2g} at most"
        return f"{len(gaps)} pairs were scored more than once; their scores are {apart}"


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
        paths = [path for path in paths if path != data / self.folder / REVIEW]
        if self.other_stem is None:
            return paths
        return [path for path in paths if not path.name.lower().startswith(self.other_stem)]

    def read(
        self, data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield the pairs of all files, and report the bad rows and those that come again."""
        report.add_notes(self.unread_files(data))
        known = ScoredTwice()
        for path in self.files(data):
            rows = read_texts(
                path, HEADER, limits=limits, report=report, advance=advance, verbatim=("score",)
            )
            for row, pair in parse_file([*rows], report):
                known.add(row, pair)
        known.report_again(report)
        if agreement := known.agreement():
            report.add_notes([remark(agreement, "the mean is learned")])
        report.accept_rest()
        report.counts["pairs"] = len(known.firsts)
        if not known.firsts:
            report.say(
                f"{data / self.folder} holds no scored pair: nothing is measured on pairs there"
            )
        review = PairReview(data / self.folder)
        for pair in known.pairs():
            score = review.score(*pair[:3])
            if score is not None:
                yield pair._replace(score=score)._asdict()
        report.add_notes(review.notes())
        report.counts["pairs"] -= review.counts["dropped"]

    def unread_files(self, data: Path) -> list[FileReportRow]:
        """Return a report row for each file of the folder that no kind reads."""
        others = [path for path in walk_files(data / self.folder) if self.is_other(path)]
        others.append(data / self.folder / REVIEW)
        remedy = f"save it as CSV in {data / self.folder}, or remove it"
        return unread_rows(data / self.folder, [*self.files(data), *others], remedy)

    def is_other(self, path: Path) -> bool:
        """Return whether a file belongs to another kind."""
        csv = path in find_csv_files(path.parent)
        return csv and self.other_stem is not None and path.name.lower().startswith(self.other_stem)


def parse_file(rows: list[CsvRow], report: IngestReport) -> Iterator[tuple[CsvRow, ScoredPair]]:
    """Yield the good rows of a file with their pairs; reject the others.

    Raises InputError for a file whose scores have another scale than 0 to 1.
    """
    scores = {row.line: parse_score(clean_id(row.cells["score"])) for row in rows}
    pairs = (row.line for row in rows if all(row.cells[column] for column in SENTENCES))
    numbers = {line: score for line in pairs if (score := scores[line]) is not None}
    if reason := other_scale(numbers):
        raise InputError(f"{rows[0].file}: {reason}.")
    flag_decimal_commas(rows, scores, report)
    for row in rows:
        if not reject_bad_row(row, scores[row.line], report):
            first, second = (row.cells[column] for column in SENTENCES)
            yield row, ScoredPair(first, second, scores[row.line] or 0.0, row.location)


def flag_decimal_commas(
    rows: list[CsvRow], scores: dict[int, float | None], report: IngestReport
) -> None:
    """Report once that scores of a file have decimal commas."""
    commas = [row for row in rows if "," in row.cells["score"] and scores[row.line] is not None]
    if commas:
        reason = f"{len(commas)} scores have a decimal comma, the first in line {commas[0].line}"
        remedy = "they were read as decimal points"
        report.add_notes([FileReportRow("kept", rows[0].file, 0, "score", "", reason, remedy)])


def reject_bad_row(row: CsvRow, score: float | None, report: IngestReport) -> bool:
    """Reject a row without a sentence or a score. Return whether it is rejected."""
    for column in SENTENCES:
        if not row.cells[column]:
            remedy = "write the sentence, or delete the row"
            reject_row(report, row, column=column, reason="no words", remedy=remedy)
            return True
    if score is None or not 0 <= score <= 1:
        reason = "not a number" if score is None else "a score outside 0 to 1"
        reject_row(report, row, column="score", reason=reason, remedy=SCORE_REMEDY)
        return True
    return False


def flag_again(row: CsvRow, score: float, first: ScoredPair, report: IngestReport) -> None:
    """Report a row whose score counts in the mean of its pair."""
    reason = f"the pair at {first.source} again, but with the score {first.score:g} there"
    if score == first.score:
        reason = f"the pair at {first.source} again, with the same score; both count in the mean"
    remedy = "the mean is learned; keep the correct score alone if one is wrong"
    flag_row(report, row, column="score", value=f"{score:g}", reason=reason, remedy=remedy)

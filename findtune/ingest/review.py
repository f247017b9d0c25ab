"""Applies people's corrections of doubtful labels, from a review.csv beside the data.

`make stats` lists labels that are likely wrong in review/. A person fills in the column `decision`,
and moves the rows that have one to:

    data/finetuning/review.csv       sentence_1,sentence_2,score,...     drop, keep, or the score
    data/training_data/review.csv    query,url,label,...     drop, keep, picked, or not picked

An empty decision changes nothing. The columns `score` and `label` hold the label at the time of
listing: a decision on a label that has changed since is not applied, and is counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.ingest.addresses import normal_form
from findtune.ingest.csv_rows import Header, read_rows
from findtune.ingest.report import FileReportRow, IngestReport
from findtune.ingest.score_scale import parse_score
from findtune.ingest.text_rows import clean_id
from findtune.ingest.wordings import query_key, wording

REVIEW = "review.csv"
DROP, KEEP, PICKED, PASSED_OVER = "drop", "keep", "picked", "not picked"
FORMULA = ("=", "+", "-", "@", "\t")  # how a cell begins that a spreadsheet would compute
MAX_ROW_BYTES = 131_072  # Python's csv module reads no longer cell
SAME = 5e-4  # scores that differ by less look equal in print

Row = dict[str, str]
PairKey = frozenset[str]
SourceKey = tuple[str, str]


def read_review(path: Path, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a review; none if there is no file.

    Its columns may have any separator that ingest knows. Raises InputError for a file that lacks a
    column, and for a row that is not CSV: its decision would be lost.
    """
    if not path.exists():
        return []
    report = IngestReport(StringIO())
    rows = [
        {name: from_cell(row.cells[name]) for name in columns} | {"line": row.location}
        for row in read_rows(
            path, Header(columns), max_row_bytes=MAX_ROW_BYTES, report=report, advance=int
        )
    ]
    if report.first_rejects:
        raise InputError(str(report.first_rejects[0]))
    return rows


def to_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula. Source: OWASP."""
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


def from_cell(cell: str) -> str:
    """Return the text of a cell that `to_cell` wrote."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA, "'")) else cell


def pair_key(first: str, second: str) -> PairKey:
    """Return a key of a pair that does not depend on the order of its sentences."""
    return frozenset(map(wording, (first, second)))


def source_key(query: str, url: str) -> SourceKey:
    """Return a key of a source that all spellings of its query and URL share."""
    return query_key(query), normal_form(url)


class PairReview:
    """The decisions on scored pairs."""

    COLUMNS = ("sentence_1", "sentence_2", "score", "decision")

    def __init__(self, folder: Path) -> None:
        self.path = folder / REVIEW
        self.counts: Counter[str] = Counter()
        self.decisions: dict[PairKey, tuple[str, float]] = {}
        for row in read_review(self.path, self.COLUMNS):
            decision = decision_in(row)
            if decision not in ("", KEEP):
                self.decisions[pair_key(row["sentence_1"], row["sentence_2"])] = (
                    checked(row, decision),
                    parse_score(row["score"]) or 0.0,
                )

    def score(self, first: str, second: str, score: float) -> float | None:
        """Return the score of a pair as it was decided; None for one that is dropped."""
        decision, listed = self.decisions.get(pair_key(first, second), ("", 0.0))
        if not decision or abs(listed - score) > SAME:
            return score
        self.counts["dropped" if decision == DROP else "corrected"] += 1
        return None if decision == DROP else parse_score(decision)

    def notes(self) -> Iterator[FileReportRow]:
        """Yield a report row that says what the decisions did."""
        yield from decision_notes(self.path, "pairs", self.counts, len(self.decisions))


def decision_in(row: Row) -> str:
    """Return the decision in a row, in lower case; "" for none, such as n/a."""
    return clean_id(row["decision"]).casefold()


def checked(row: Mapping[str, str], decision: str) -> str:
    """Return a decision on a pair; raise InputError for an invalid one."""
    score = parse_score(decision)
    if decision != DROP and (score is None or not 0 <= score <= 1):
        raise InputError(
            f"{row['line']}: the decision is {decision!r}; write drop, keep, or the right score "
            "from 0 to 1."
        )
    return decision


class ListReview:
    """The decisions on sources of ranked lists; they apply to searches of the question too."""

    COLUMNS = ("query", "url", "label", "decision")

    def __init__(self, folder: Path) -> None:
        self.path = folder / REVIEW
        self.counts: Counter[str] = Counter()
        self.used: set[SourceKey] = set()
        self.decisions: dict[SourceKey, tuple[str, str]] = {}
        self.queries: set[str] = set()
        for row in read_review(self.path, self.COLUMNS):
            decision = decision_in(row)
            if decision not in ("", KEEP, DROP, PICKED, PASSED_OVER):
                raise InputError(
                    f"{row['line']}: the decision is {decision!r}; write drop, keep, picked, or "
                    "not picked."
                )
            if decision not in ("", KEEP, row["label"]):
                key = source_key(row["query"], row["url"])
                self.decisions[key] = (row["label"], decision)
                self.queries.add(key[0])

    def is_about(self, query: str) -> bool:
        """Return whether there is a decision on a question."""
        return bool(self.queries) and query_key(query) in self.queries

    def apply(self, record: Record) -> Record | None:
        """Return a clean record with its picks as decided; None if it then teaches nothing.

        record: a ranked list, or the searches of a question.
        """
        if not self.is_about(record["query"]):
            return record
        query = query_key(record["query"])
        field = "picks" if "picks" in record else "selected"
        picks, dropped = self.decide(query, [*record[field]], shown_urls(record))
        record = without(record, dropped) | {field: picks}
        rest = shown_urls(record)
        if not picks or (field == "picks" and {*rest} <= {*picks}):
            self.counts["records left out"] += 1
            return None
        return record

    def decide(self, query: str, picks: list[str], shown: list[str]) -> tuple[list[str], set[str]]:
        """Return the picks of a record as they were decided, and the URLs that are dropped."""
        dropped = set()
        for url in shown:
            key = (query, normal_form(url))
            label, decision = self.decisions.get(key, ("", ""))
            if not decision or label != (PICKED if url in picks else PASSED_OVER):
                continue
            self.used.add(key)
            self.counts["dropped" if decision == DROP else "corrected"] += 1
            picks = [each for each in picks if each != url]
            picks += [url] if decision == PICKED else []
            dropped |= {url} if decision == DROP else set()
        return picks, dropped

    def notes(self) -> Iterator[FileReportRow]:
        """Yield a report row that says what the decisions did."""
        yield from decision_notes(
            self.path, "sources", self.counts, len(self.decisions), len(self.used)
        )


def shown_urls(record: Record) -> list[str]:
    """Return the URLs of all sources of a clean record, each once."""
    lists = [record.get("sources", []), *(each["sources"] for each in record.get("searches", []))]
    return [*dict.fromkeys(source["url"] for sources in lists for source in sources)]


def without(record: Record, urls: set[str]) -> Record:
    """Return a clean record without some of its sources."""
    changed = dict(record)
    if "sources" in record:
        changed["sources"] = [each for each in record["sources"] if each["url"] not in urls]
        changed["refused"] = [url for url in record["refused"] if url not in urls]
    else:
        changed["searches"] = [
            {**search, "sources": [each for each in search["sources"] if each["url"] not in urls]}
            for search in record["searches"]
        ]
    return changed


def decision_notes(
    path: Path, unit: str, counts: Mapping[str, int], decisions: int, used: int | None = None
) -> Iterator[FileReportRow]:
    """Yield what the decisions of a review did, and how many match nothing."""
    if counts:
        listed = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
        yield FileReportRow(
            "kept", path.as_posix(), 0, "decision", "", f"{unit}: {listed}", "nothing is to be done"
        )
    used = sum(counts.values()) if used is None else used
    if decisions > used:
        yield FileReportRow(
            "kept",
            path.as_posix(),
            0,
            "decision",
            "",
            f"{decisions - used} decisions are on {unit} that are not there or have another label",
            "delete these rows, if no other kind of data uses them",
        )

"""Guard queries: reads everyday queries, each with the text that answers it.

They measure what a model forgets, and are never trained on. Read from data/guard/queries*.csv:
query,text. The file is optional.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.ingest.csv_rows import CsvRow, Header, find_csv_files, reject_row
from findtune.ingest.fields import typed_line
from findtune.ingest.limits import IngestLimits
from findtune.ingest.report import Advance, IngestReport
from findtune.ingest.text_rows import read_texts
from findtune.ingest.wordings import copy_key, wording

HEADER = Header(("query", "text"))
STEM = "queries"  # the names of the files begin with it

Key = tuple[str, ...]


class GuardQuery(NamedTuple):
    """A query and the text that answers it; `source` is file:line."""

    query: str
    text: str
    source: str


@dataclass(frozen=True)
class GuardQueryReader:
    """Reads the guard queries of one folder under data/."""

    folder: str
    required: bool = False

    def files(self, data: Path) -> list[Path]:
        """Return the CSV files of the folder that hold guard queries."""
        paths = find_csv_files(data / self.folder)
        return [path for path in paths if path.name.lower().startswith(STEM)]

    def read(
        self, data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield the guard queries of all files, and report the bad rows and the duplicates."""
        first_queries: dict[Key, GuardQuery] = {}
        texts: set[str] = set()
        for path in self.files(data):
            for row in read_texts(path, HEADER, limits=limits, report=report, advance=advance):
                query = parse_query(row, report)
                if query and not reject_duplicate(row, query, first_queries, report):
                    report.accepted += 1
                    texts.add(wording(query.text))
                    yield query._asdict()
        report.counts["queries"], report.counts["texts"] = report.accepted, len(texts)


def parse_query(row: CsvRow, report: IngestReport) -> GuardQuery | None:
    """Return the query in a row, or None for a row that is rejected."""
    cells = {**row.cells, "query": typed_line(row.cells["query"])}
    for column, cell in cells.items():
        if not normalize(cell):
            remedy = f"write the {column}, or delete the row"
            reject_row(report, row, column=column, reason="no words", remedy=remedy)
            return None
    if wording(cells["query"]) == wording(cells["text"]):
        remedy = "ask for the text in other words"
        reject_row(report, row, column="query", reason="the text itself", remedy=remedy)
        return None
    return GuardQuery(cells["query"], cells["text"], row.location)


def reject_duplicate(
    row: CsvRow, query: GuardQuery, first_queries: dict[Key, GuardQuery], report: IngestReport
) -> bool:
    """Reject a query that was read before; remember a new one. Return whether it is rejected.

    A query has one right text, so it is rejected with another text too.
    """
    first = first_queries.setdefault(copy_key(query.query), query)
    if first is query:
        return False
    reason, remedy = f"nearly the same query as at {first.source}", "keep one of them"
    reject_row(report, row, column="query", reason=reason, remedy=remedy)
    return True

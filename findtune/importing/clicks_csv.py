"""A CSV of searches and clicks, which any log or spreadsheet can be converted to.

There are two forms, distinguished by the header:

    query,shown,clicked             one row per search; lists of URLs or ids
    query,url,clicked               one row per source shown, in order; clicked is 1 or 0

Lists are JSON, or separated by spaces, `;` or `|`. Optional columns of both forms: id (of the
search), timestamp, session, user; of the second form: rank, title, snippet.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from itertools import groupby
from pathlib import Path

from findtune.core.errors import InputError
from findtune.importing.documents import Document, Library, distinct, text_of
from findtune.importing.feedback import Feedback
from findtune.importing.pseudonyms import Pseudonyms, record_id
from findtune.importing.searches import Search
from findtune.importing.tally import Row, Tally
from findtune.importing.times import utc_time
from findtune.ingest.csv_rows import CsvRow, Header, read_rows
from findtune.ingest.report import IngestReport

SEPARATOR = re.compile(r"[;|\s]+")
MAX_ROW_BYTES = 131_072  # the longest cell that Python's csv module reads
OPTIONAL = ("id", "timestamp", "session", "user")
ALIASES = {
    "time": "timestamp",
    "search_id": "id",
    "query_id": "id",
    "session_id": "session",
    "user_id": "user",
    "position": "rank",
    "picked": "clicked",
}
ROW_OF_A_SOURCE = Header(
    ("query", "url", "clicked", "rank", "title", "snippet", *OPTIONAL),
    ALIASES,
    optional=frozenset({"rank", "title", "snippet", *OPTIONAL}),
)
ROW_OF_A_SEARCH = Header(
    ("query", "shown", "clicked", *OPTIONAL),
    ALIASES,
    optional=frozenset(OPTIONAL),
    otherwise=ROW_OF_A_SOURCE,
)
# Also as pandas and PostgreSQL write them.
YES = frozenset({"1", "1.0", "true", "t", "yes", "y", "x"})
NO = frozenset({"", "0", "0.0", "false", "f", "no", "n"})
NO_TIME = "times that cannot be read; write 2026-11-28T10:00:00Z"
RANK = re.compile(r"\d+(\.0*)?")


def read_clicks_csv(
    paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally
) -> Feedback:
    """Return the searches of some files; raise InputError for a file or a header that is wrong."""
    feedback = Feedback()
    for path in paths:
        rows = [*csv_rows(path, tally)]
        wide = bool(rows) and "shown" in rows[0].cells
        read = searches_of_rows if wide else searches_of_sources
        feedback.searches += apart(read(rows, people, library, tally))
    return feedback


def apart(searches: Iterable[Search]) -> Iterator[Search]:
    """Yield the searches of a file; repeats without any OPTIONAL cell get ids of their own.

    Otherwise, users with the same question and results would be merged into one search with all
    their picks.
    """
    counts: Counter[str] = Counter()
    for search in searches:
        counts[search.id] += 1
        if counts[search.id] == 1 or any(search.row.fields.get(name) for name in OPTIONAL):
            yield search
        else:
            yield replace(search, id=record_id("csv", search.id, counts[search.id]))


def csv_rows(path: Path, tally: Tally) -> Iterator[CsvRow]:
    """Yield the good rows of a file; count bad rows by reason, and unknown columns."""
    if not path.exists():
        raise InputError(f"{path} can't be read: there is no such file.")
    lines = StringIO(newline="")
    report = IngestReport(lines)
    known = ROW_OF_A_SEARCH.columns
    header = ROW_OF_A_SEARCH
    rows = read_rows(path, header, max_row_bytes=MAX_ROW_BYTES, report=report, advance=int)
    for row in rows:
        tally.rows["rows"] += 1
        tally.note_unknown(row.cells, known)
        time = row.cells.get("timestamp")
        if time and not utc_time(time):
            tally.skip(NO_TIME, row.file, row.line)
        yield row
    lines.seek(0)
    for bad in csv.DictReader(lines):
        if bad["action"] == "rejected":
            tally.skip(f"rows: {bad['reason']}", bad["file"], int(bad["line"]))


def searches_of_rows(
    rows: Sequence[CsvRow], people: Pseudonyms, library: Library, tally: Tally
) -> list[Search]:
    """Return the search of each row of the first form."""
    searches = []
    for row in rows:
        shown = [library.complete(Document(url)) for url in read_list(row.cells["shown"])]
        picks = [library.complete(Document(url)).url for url in read_list(row.cells["clicked"])]
        urls = {document.url for document in shown}
        if strangers := [url for url in picks if url not in urls]:
            tally.skip("clicks on a source that was not shown", row.file, row.line)
            picks = [url for url in picks if url not in strangers]
        searches.append(to_search(row, distinct(shown), picks, people))
    return searches


def read_list(cell: str) -> list[str]:
    """Return the URLs or ids in a cell."""
    if cell.startswith("["):
        try:
            return [*filter(None, map(text_of, json.loads(cell)))]
        except (ValueError, RecursionError):
            cell = cell.strip("[]")
    return [*filter(None, (part.strip(",\"'") for part in SEPARATOR.split(cell)))]


def searches_of_sources(
    rows: Sequence[CsvRow], people: Pseudonyms, library: Library, tally: Tally
) -> list[Search]:
    """Return the searches of the second form: rows with one id, or adjacent rows of one search."""
    searches = []
    for _, group in groupby(gathered(rows), key=search_key):
        members = ranked(group)
        shown, picks = [], []
        for row in members:
            cells = row.cells
            if not cells["url"]:
                tally.skip("rows without a url", row.file, row.line)
                continue
            document = Document(cells["url"], cells.get("title", ""), cells.get("snippet", ""))
            shown.append(library.complete(document))
            if is_clicked(row, tally):
                picks.append(shown[-1].url)
        searches.append(to_search(members[0], distinct(shown), [*dict.fromkeys(picks)], people))
    return searches


def gathered(rows: Sequence[CsvRow]) -> list[CsvRow]:
    """Return the rows with those of each search id moved together; others keep their order."""
    firsts: dict[tuple[str, ...], int] = {}
    places = [firsts.setdefault(search_key(row), index) for index, row in enumerate(rows)]
    together = sorted(
        range(len(rows)),
        key=lambda index: places[index] if rows[index].cells.get("id") else index,
    )
    return [rows[index] for index in together]


def search_key(row: CsvRow) -> tuple[str, ...]:
    """Return the key that the rows of one search share."""
    cells = row.cells
    if cells.get("id"):
        return ("id", cells["id"])
    return tuple(cells.get(name, "") for name in ("query", "timestamp", "session", "user"))


def ranked(rows: Iterable[CsvRow]) -> list[CsvRow]:
    """Return the rows of a search by rank; one without a rank follows the row before it."""
    placed, rank = [], 0.0
    for row in rows:
        cell = row.cells.get("rank", "")
        rank = float(cell) if RANK.fullmatch(cell) else rank
        placed.append((rank, row))
    return [row for _, row in sorted(placed, key=lambda pair: pair[0])]


def is_clicked(row: CsvRow, tally: Tally) -> bool:
    """Return whether a source was clicked; count a cell that is neither yes nor no."""
    cell = row.cells["clicked"].casefold()
    if cell not in YES | NO:
        tally.skip("rows: clicked is neither 1 nor 0", row.file, row.line)
    return cell in YES


def to_search(
    row: CsvRow, shown: Sequence[Document], picks: Sequence[str], people: Pseudonyms
) -> Search:
    """Return the search of a row, or of the first row of several."""
    cells: Mapping[str, str] = row.cells
    names = ("id", "query", "timestamp", "session", "user")
    content = [cells.get(name, "") for name in names]
    own = content[:1] if content[0] else [*content[1:3], people.name(*content[3:])]
    # As the export names them, so that a record keeps its id even if more becomes known of them.
    urls = [document.id or document.url for document in shown]
    named = next((name for name in ("session", "user") if cells.get(name)), "")
    return Search(
        id=record_id("csv", *own, *([] if content[0] else urls)),
        query=cells["query"],
        time=utc_time(cells.get("timestamp")),
        session=people.name(named, cells[named]) if named else "",
        shown=shown,
        picks=picks,
        row=Row(row.file, row.line, cells),
    )

"""A CSV of searches and clicks, which any log or spreadsheet can be converted to.

There are two forms, distinguished by the header:

    query,shown,clicked             one row per search; lists of URLs or ids
    query,url,clicked               one row per source shown, in order; clicked is 1, 0 or a count

Lists are JSON, or separated by `;`, `|`, line ends or blanks. Optional columns of both forms: id
(of the search), timestamp, session, user; of the second form: rank, title, snippet.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from itertools import groupby
from pathlib import Path

from findtune.core.errors import InputError
from findtune.importing.cell_lists import TornListError, read_list, share_comma_parts
from findtune.importing.csv_forms import OPTIONAL, ROW_OF_A_SEARCH
from findtune.importing.documents import Document, Library, ShownUrls, distinct
from findtune.importing.feedback import Feedback
from findtune.importing.pseudonyms import Pseudonyms, record_id
from findtune.importing.searches import Search
from findtune.importing.tally import Row, Tally
from findtune.importing.times import in_order, moment, utc_time
from findtune.ingest.csv_rows import CsvRow, read_rows
from findtune.ingest.report import IngestReport, abbreviate
from findtune.ingest.text_rows import clean_id

MAX_ROW_BYTES = 131_072  # the longest cell that Python's csv module reads
# Also as PostgreSQL writes them.
YES = frozenset({"true", "t", "yes", "y", "x"})
NO = frozenset({"", "false", "f", "no", "n"})
COUNT = re.compile(r"[0-9]+(?:[.,][0-9]+)*")  # pandas writes 1.0, spreadsheets write 1,200
MAX_VALUES = 3  # of cells that can't be read, in one message
CLICK_REMEDY = "write 1 or 0, yes or no, or the number of clicks"
TORN = "searches with an address that may hold a separator (blank, ; or |); write lists as JSON"
BYTE = re.compile(r"byte 0x\w\w is")
# The longest row of an import is no setting.
SETTING = ", or raise ingest.max_row_bytes in params.yaml"
NO_TIME = "times that cannot be read; write 2026-11-28T10:00:00Z"
# A spreadsheet may write 1,0 with a decimal comma; 1,000 may be a thousand, so it is no rank.
RANK = re.compile(r"#?\s*(\d+)(?:\.0*|,0{1,2})?")
NO_RANK = "ranks that cannot be read, so these rows follow the row before; write 1, 2, 3"
STRANGERS = "clicks on a source that was not shown"
COMMAS = (
    "clicks on a part of a list with commas, which separate nothing; "
    "separate its items by ;, |, line ends or blanks, or write JSON"
)


def read_clicks_csv(
    paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally
) -> Feedback:
    """Return the searches of some files; raise InputError for a file or a header that is wrong."""
    searches: list[Search] = []
    for path in {path.resolve(): path for path in paths}.values():  # no file counts twice
        rows = [*csv_rows(path, tally)]
        wide = bool(rows) and "shown" in rows[0].cells
        read = searches_of_rows if wide else searches_of_sources
        searches += read(rows, people, library, tally)
    return Feedback(joined(with_owners([*apart(searches)])))


def apart(searches: Iterable[Search]) -> Iterator[Search]:
    """Yield the searches of all files; repeats without any OPTIONAL cell get ids of their own.

    Otherwise, users with the same question and results would be merged into one search with all
    their picks. Searches without a question stay apart, too, so that each is counted as unused.
    """
    counts: Counter[str] = Counter()
    for search in searches:
        counts[search.id] += 1
        is_named = search.query and any(search.row.fields.get(name) for name in OPTIONAL)
        if counts[search.id] == 1 or is_named:
            yield search
        else:
            yield replace(search, id=record_id("csv", search.id, counts[search.id]))


def joined(searches: Iterable[Search]) -> list[Search]:
    """Return the searches; those with one id, such as pages, become one, the earliest first."""
    by_id: dict[str, list[Search]] = defaultdict(list)
    for search in searches:
        by_id[search.id].append(search)
    return [join(pages) if len(pages) > 1 else pages[0] for pages in by_id.values()]


def with_owners(searches: Sequence[Search]) -> Iterator[Search]:
    """Yield the searches; a page without session and user joins those of the same id and question.

    If these are of several users, it stays alone: nobody knows whose page it is.
    """
    owned: dict[tuple[str, str], set[str]] = defaultdict(set)
    for search in searches:
        if search.session and search.row.fields.get("id"):
            owned[own_id(search.row.fields)].add(search.id)
    for search in searches:
        fields = search.row.fields
        is_page = search.query and fields.get("id") and not search.session
        ids = owned.get(own_id(fields), set()) if is_page else set()
        yield replace(search, id=[*ids][0]) if len(ids) == 1 else search


def join(pages: Sequence[Search]) -> Search:
    """Return the pages of a search as one search, which shows and picks what any of them does."""
    ordered = in_order(pages, lambda page: moment(page.time) if page.time else None)
    shown = distinct(document for page in ordered for document in page.shown)
    picks = dict.fromkeys(pick for page in ordered for pick in page.picks)
    time = next((page.time for page in ordered if page.time), "")
    session = next((page.session for page in ordered if page.session), "")
    return replace(ordered[0], time=time, session=session, shown=shown, picks=[*picks])


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
            reason = BYTE.sub("a byte that is", bad["reason"])  # one reason for all letters
            remedy = bad["remedy"].replace(SETTING, "")
            tally.skip(f"rows: {reason}; {remedy}", bad["file"], int(bad["line"]))


def searches_of_rows(
    rows: Sequence[CsvRow], people: Pseudonyms, library: Library, tally: Tally
) -> list[Search]:
    """Return the search of each row of the first form."""
    searches = []
    for row in rows:
        try:
            names = read_list(row.cells["shown"])
            clicked = read_list(row.cells["clicked"], names)
        except TornListError:
            tally.skip(TORN, row.file, row.line)
            continue
        shown = [library.complete(Document(url)) for url in names]
        urls = ShownUrls(shown)
        picks = [urls.find(library.complete(Document(url)).url) for url in clicked]
        if "" in picks:
            strangers = [url for url, pick in zip(clicked, picks, strict=True) if not pick]
            is_part = share_comma_parts(names, strangers)
            tally.skip(COMMAS if is_part else STRANGERS, row.file, row.line)
        known = dict.fromkeys(filter(None, picks))
        searches.append(to_search(row, distinct(shown), [*known], people))
    return searches


def searches_of_sources(
    rows: Sequence[CsvRow], people: Pseudonyms, library: Library, tally: Tally
) -> list[Search]:
    """Return the searches of the second form: rows of one id and question, or adjacent rows.

    A search with a click that can't be read is not used: what was clicked would seem passed over.
    """
    searches, unread = [], []
    count_ranks(rows, tally)
    for _, group in groupby(gathered([*with_questions(rows)]), key=search_key):
        members = ranked(group)
        for row in members:
            if not row.cells["url"]:
                tally.skip("rows without a url", row.file, row.line)
        named = [row for row in members if row.cells["url"]]
        bad = [row for row in named if is_clicked(row) is None]
        if bad:
            unread.append(bad)
        else:
            searches.append(search_of_sources(with_optional_cells(members), named, people, library))
    count_unread(unread, tally)
    return searches


def search_of_sources(
    first: CsvRow, rows: Sequence[CsvRow], people: Pseudonyms, library: Library
) -> Search:
    """Return the search of some rows with sources; first: the row that stands for all of them."""
    shown, picks = [], []
    for row in rows:
        cells = row.cells
        document = Document(cells["url"], cells.get("title", ""), cells.get("snippet", ""))
        shown.append(library.complete(document))
        if is_clicked(row):
            picks.append(shown[-1].url)
    return to_search(first, distinct(shown), [*dict.fromkeys(picks)], people)


def with_questions(rows: Sequence[CsvRow]) -> Iterator[CsvRow]:
    """Yield the rows; one with an id alone takes the only question of this id in the file.

    If there are several, it takes the one before it.
    """
    asked: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if query := row.cells["query"]:
            asked[row.cells.get("id", "")].setdefault(query.casefold(), query)
    last = {name: [*queries.values()][0] for name, queries in asked.items() if len(queries) == 1}
    for row in rows:
        search_id, query = row.cells.get("id"), row.cells["query"]
        if search_id and query:
            last[search_id] = query
        elif search_id:
            row = row._replace(cells={**row.cells, "query": last.get(search_id, "")})
        yield row


def with_optional_cells(rows: Sequence[CsvRow]) -> CsvRow:
    """Return the first row, with each OPTIONAL cell from the first row that has it."""
    cells = {**rows[0].cells}
    for name in cells.keys() & {*OPTIONAL}:
        cells[name] = next((row.cells[name] for row in rows if row.cells[name]), "")
    return rows[0]._replace(cells=cells)


def count_unread(searches: Sequence[Sequence[CsvRow]], tally: Tally) -> None:
    """Count searches, each given by its rows with a click that can't be read, as one reason."""
    values = {abbreviate(row.cells["clicked"]): None for rows in searches for row in rows}
    listed = ", ".join(map(repr, [*values][:MAX_VALUES]))
    more = ", ..." if len(values) > MAX_VALUES else ""
    reason = f"searches with a value of clicked that can't be read ({listed}{more}); {CLICK_REMEDY}"
    for rows in searches:
        tally.skip(reason, rows[0].file, rows[0].line)


def gathered(rows: Sequence[CsvRow]) -> list[CsvRow]:
    """Return the rows; those of a search with an id are moved together, others keep their order."""
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
        return ("id", *own_id(cells))
    return tuple(cells.get(name, "") for name in ("query", "timestamp", "session", "user"))


def own_id(cells: Mapping[str, str]) -> tuple[str, str]:
    """Return the id of a search with its question, since some logs number anew each day."""
    return cells["id"], cells["query"].casefold()


def ranked(rows: Iterable[CsvRow]) -> list[CsvRow]:
    """Return the rows of a search by rank; one without a rank follows the row before it."""
    return in_order(rows, rank_of)


def rank_of(row: CsvRow) -> float | None:
    """Return the rank of a source, such as 2, 2.0, 2,0 or #2; None if its cell is no rank."""
    match = RANK.fullmatch(row.cells.get("rank", ""))
    return float(match[1]) if match else None


def count_ranks(rows: Iterable[CsvRow], tally: Tally) -> None:
    """Count the rows whose rank is neither a rank nor a word for nothing."""
    for row in rows:
        if clean_id(row.cells.get("rank", "")) and rank_of(row) is None:
            tally.skip(NO_RANK, row.file, row.line)


def is_clicked(row: CsvRow) -> bool | None:
    """Return whether a source was clicked, at least once; None for a cell that can't be read."""
    cell = row.cells["clicked"].casefold()
    if COUNT.fullmatch(cell):
        return any(digit in cell for digit in "123456789")
    return True if cell in YES else False if cell in NO else None


def to_search(
    row: CsvRow, shown: Sequence[Document], picks: Sequence[str], people: Pseudonyms
) -> Search:
    """Return the search of a row, or of the first row of several."""
    cells: Mapping[str, str] = row.cells
    named = next((name for name in ("session", "user") if cells.get(name)), "")
    session = people.name(named, cells[named]) if named else ""
    # As the export names them, so that a record keeps its id even if more becomes known of them.
    urls = [document.id or document.url for document in shown]
    return Search(
        id=record_id("csv", *own_names(cells, session, people), *([] if cells.get("id") else urls)),
        query=cells["query"],
        time=utc_time(cells.get("timestamp")),
        session=session,
        shown=shown,
        picks=picks,
        row=Row(row.file, row.line, cells),
    )


def own_names(cells: Mapping[str, str], session: str, people: Pseudonyms) -> list[str]:
    """Return what sets a search apart from others; session: a pseudonym, or ""."""
    if not cells.get("id"):
        person = people.name(cells.get("session", ""), cells.get("user", ""))
        return [cells["query"], cells.get("timestamp", ""), person]
    # Where each row is a search, an id may come back with another user.
    return [*own_id(cells), *([session] if session and "shown" in cells else [])]

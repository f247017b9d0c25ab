"""Turning answered searches into the feedback formats that ingest reads.

docs/data-formats.md describes the formats. Each record also has the id of its search, for replacing
and deleting it, and the version of the pipeline that showed its sources.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from findtune.core.errors import InputError
from findtune.core.files import read_jsonl, write_jsonl
from findtune.traffic.log import COLLECTING, exclusive
from findtune.traffic.reader import Traffic, read_traffic
from findtune.traffic.records import SearchRecord, ShownSource, as_text

FOLDER = Path("data", "training_data")
RANKED_LISTS = "reranker_training_data.served.jsonl"
SEARCHES = "query_rewriting_training_data.served.jsonl"

Row = dict[str, Any]


class Collected(NamedTuple):
    """What collecting did. records: in each file. new, changed, removed: since the last time."""

    records: int
    new: int
    changed: int
    removed: int


def collect(served: Path, folder: Path) -> tuple[Traffic, Collected]:
    """Read what was served and write its feedback; `make forget` waits meanwhile."""
    with exclusive(served, COLLECTING):
        traffic = read_traffic(served)
        return traffic, write_feedback(traffic, folder)


def write_feedback(traffic: Traffic, folder: Path) -> Collected:
    """Write each answered search to the two files of a folder.

    Known records keep their positions, by which comparisons recognize held-out questions; new ones
    follow, ordered by time. A search whose answer was taken back is removed from the files; one
    that found nothing has no record. Records whose search or answer is no longer in the traffic
    stay; only `make forget` removes them.
    """
    # Ingest rejects a search that showed nothing, and too many rejected rows stop it.
    nothing = {row.id for row in traffic.searches if not row.sources}
    gone = traffic.taken_back | nothing
    kept = [row for row in traffic.searches if row.id in traffic.answers and row.id not in nothing]
    counts = None
    for name, convert in ((RANKED_LISTS, ranked_list), (SEARCHES, search_of_question)):
        before = read_rows(folder / name)
        now = {row.id: convert(row, traffic.answers[row.id].picks or []) for row in kept}
        rows = {key: row for key, row in before.items() if key not in gone} | now
        write_rows(folder / name, rows.values())
        counts = counts or compare(before, rows)
    assert counts
    return counts


def compare(before: Mapping[str, Row], rows: Mapping[str, Row]) -> Collected:
    """Return how many of a file's records are new, changed and removed, by id."""
    changed = sum(key in before and before[key] != row for key, row in rows.items())
    return Collected(
        len(rows), len(rows.keys() - before.keys()), changed, len(before.keys() - rows.keys())
    )


def read_rows(path: Path) -> dict[str, Row]:
    """Return the records of a file by the id of their search; none if it does not exist.

    Raises InputError for a file that was changed by hand and cannot be read.
    """
    try:
        return {row["id"]: row for row in read_jsonl(path)} if path.exists() else {}
    except (ValueError, KeyError, TypeError):
        message = f"{path} has a line that is not a search record; fix it, or move the file away."
        raise InputError(message) from None


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write records in their order; without records, delete the file."""
    if kept := list(rows):
        write_jsonl(path, kept)
    else:
        path.unlink(missing_ok=True)


def ranked_list(search: SearchRecord, picks: list[str]) -> Row:
    """Return a record for the reranker: the sources as they were shown, and the picks."""
    return {
        "query": search.question,
        "all_sources": [shown(source, search) for source in search.sources],
        "positive_sources": picks,
        "negative_sources": [row.url for row in search.sources if row.url not in picks],
        **origin(search),
    }


def search_of_question(search: SearchRecord, picks: list[str]) -> Row:
    """Return a record for the rewriter: the sources that each query found, and the picks."""
    queries = dict.fromkeys([search.question, *search.queries])
    return {
        "original_query": search.question,
        "selected_sources": picks,
        "query_source_mapping": {
            query: {
                "sources": [shown(row, search) for row in search.sources if query in row.found_by]
            }
            for query in queries
        },
        **origin(search),
    }


def shown(source: ShownSource, search: SearchRecord) -> Row:
    """Return a source with its rank, its score and the pipeline version that showed it.

    In an interleaved search this is the version of the source's team.
    """
    versions = search.compare or {}
    return {
        "url": source.url,
        "title": source.title,
        "snippet": source.snippet,
        "rank": source.rank,
        "score": source.score,
        "query_used": source.found_by[0] if source.found_by else "",
        "version": versions.get(source.team, search.version) if source.team else search.version,
    }


def origin(search: SearchRecord) -> Row:
    """Return the id, time, version and session of a record's search."""
    return {
        "id": search.id,
        "timestamp": as_text(search.time),
        "version": search.version,
        "session": search.session,
    }


def drop(folder: Path, is_dropped: Callable[[Row], bool]) -> int:
    """Remove records from the two files; return the number of different searches removed."""
    dropped = set()
    for name in (RANKED_LISTS, SEARCHES):
        rows = read_rows(folder / name)
        left = {key: row for key, row in rows.items() if not is_dropped(row)}
        if left.keys() != rows.keys():
            write_rows(folder / name, left.values())
        dropped |= rows.keys() - left.keys()
    return len(dropped)

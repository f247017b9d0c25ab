"""The files that an import writes, one per kind of feedback and source; no record twice."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.core.files import locked_folder, write_jsonl
from findtune.core.records import Record

FOLDER = "training_data"
STEMS = {
    "ranked_lists": "reranker_training_data",
    "searches": "query_rewriting_training_data",
    "preferences": "training_data",
}
PICKS = ("positive_sources", "selected_sources")


class Stored(NamedTuple):
    """What happened to the records of one file."""

    path: Path
    new: int
    changed: int
    known: int

    def __str__(self) -> str:
        return f"{self.path}: {self.new:,} new, {self.changed:,} changed, {self.known:,} known"


def store(
    data: Path, kind: str, source: str, records: Iterable[Record], replaced: Collection[str] = ()
) -> Stored:
    """Add records to the file of a kind and a source; the file changes only if a record does.

    Records are matched by `id`; new picks of a known search are added to the old ones. replaced:
    ids of records that are removed; a file without any record left is removed, too. Another import
    waits until this one has written. Raises InputError for a file that can't be read.
    """
    path = data / FOLDER / f"{STEMS[kind]}_{source}.jsonl"
    with locked_folder(path.parent):
        return merge_into(path, records, replaced)


def merge_into(path: Path, records: Iterable[Record], replaced: Collection[str]) -> Stored:
    """Add records to a file, as `store` says; the caller holds the lock."""
    stored = read_stored(path)
    removed = [stored.pop(each) for each in replaced if each in stored]
    new, changed, known = 0, len(removed), 0
    for record in records:
        before = stored.get(record["id"])
        after = record if before is None else merged(before, record)
        new, changed = new + (before is None), changed + (before not in (None, after))
        known += before == after
        stored[record["id"]] = after
    if not stored:
        path.unlink(missing_ok=True)  # ingest refuses an empty file
    elif new or changed:
        write_jsonl(path, stored.values())
    return Stored(path, new, changed, known)


def read_stored(path: Path) -> dict[str, Record]:
    """Return the records of a file by id; none if there is no file, or an empty one."""
    if not path.exists() or not path.stat().st_size:
        return {}
    records: dict[str, Record] = {}
    lines = path.read_bytes().rstrip(b"\n").split(b"\n")  # a text may hold U+2028
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line.decode())
            records[record["id"]] = record
        except (ValueError, KeyError, TypeError):
            reason = "not a record that an import wrote"
            raise InputError(f"{path}:{number}: {reason}; move the file away, or fix it.") from None
    return records


def merged(before: Record, after: Record) -> Record:
    """Return the later record with the picks of both, except picks that it no longer shows."""
    shown = shown_urls(after)
    joined = {
        name: [*dict.fromkeys(url for url in [*before[name], *after[name]] if url in shown)]
        for name in PICKS
        if name in before and name in after
    }
    return {**after, **joined}


def shown_urls(record: Record) -> set[str]:
    """Return the URLs of all sources of a record."""
    searches = record.get("query_source_mapping", {}).values()
    lists = [record.get("all_sources", []), *(search["sources"] for search in searches)]
    return {source["url"] for sources in lists for source in sources}

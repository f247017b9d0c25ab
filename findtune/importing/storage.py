"""The files that an import writes, one per kind of feedback and source; no record twice."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.core.files import locked_folder, write_jsonl
from findtune.core.records import Record
from findtune.importing.merged_records import is_imported, is_same_need, merged, search_ids

FOLDER = "training_data"
STEMS = {
    "ranked_lists": "reranker_training_data",
    "searches": "query_rewriting_training_data",
    "preferences": "training_data",
}


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

    Records are matched by `id`, and those of a need in several wordings by the ids of its searches;
    what is new is added to what is known, and an edited log entry takes its pick back. replaced:
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
    owners = {each: name for name, record in stored.items() for each in search_ids(record)}
    new, changed, known = 0, len(removed), 0
    for record in records:
        parts = stored_parts(record, stored, owners)
        after = joined_with(parts, record)
        new, known = new + (not parts), known + (parts == [after])
        changed += bool(parts) and parts != [after]
        for part in parts:
            if part["id"] != after["id"]:
                del stored[part["id"]]
        stored[after["id"]] = after
        owners |= {each: after["id"] for part in (*parts, after) for each in search_ids(part)}
    if not stored:
        path.unlink(missing_ok=True)  # ingest refuses an empty file
    elif new or changed:
        write_jsonl(path, stored.values())
    return Stored(path, new, changed, known)


def joined_with(parts: Sequence[Record], record: Record) -> Record:
    """Return a new record together with the stored records that `stored_parts` names."""
    joined = record
    for part in parts:
        joined = merged(part, joined, same_need=is_same_need(part, record))
    return joined


def stored_parts(
    record: Record, stored: Mapping[str, Record], owners: Mapping[str, str]
) -> list[Record]:
    """Return the stored records that a new one continues, or is a part of; often none or one.

    owners: the ids of stored records by the ids of their searches.
    """
    ids = search_ids(record)
    names = {owners[each] for each in ids if each in owners} | ({record["id"]} & stored.keys())
    parts = [stored[name] for name in sorted(names)]
    return [each for each in parts if each["id"] == record["id"] or is_same_need(each, record)]


def read_stored(path: Path) -> dict[str, Record]:
    """Return the records of a file by id; none if there is no file, or an empty one."""
    if not path.exists() or not path.stat().st_size:
        return {}
    records: dict[str, Record] = {}
    lines = path.read_bytes().rstrip(b"\n").split(b"\n")  # a text may hold U+2028
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line.decode())
        except ValueError:
            record = None
        if not is_imported(record):
            reason = "not a record that an import wrote"
            raise InputError(f"{path}:{number}: {reason}; move the file away, or fix it.")
        records[record["id"]] = record
    return records

"""One record of two imports: an export that is older, or holds only a part, takes nothing away.

The later import counts where both are about the same thing. The searches of a need in several
wordings have ids, so that exports which hold different parts of it make one record.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from findtune.core.records import Record
from findtune.importing.times import moment
from findtune.ingest.wordings import query_key

PICKS = ("positive_sources", "selected_sources")
PICKED_BY = "picked_by"  # a hash of a log entry's id -> the picks that it gave
MAPPING = "query_source_mapping"
LIST = "all_sources"
OF_THE_FIRST_SEARCH = ("id", "original_query", "timestamp")


def search_ids(record: Record) -> set[str]:
    """Return the ids of all searches that a record is about: its own, and those of its wordings."""
    entries = record.get(MAPPING, {}).values()
    return {record["id"], *(each for entry in entries for each in entry.get("ids", ()))}


def is_imported(record: Any) -> bool:
    """Return whether a record has the form that imports write, which two records need to merge."""
    try:
        entries = record.get(MAPPING, {}).values()
        names = [*search_ids(record), *(source["url"] for source in all_sources(record))]
        names += [entry["query"] for entry in entries]
        lists = [record.get(name, []) for name in (*PICKS, "history")]
        lists += record.get(PICKED_BY, {}).values()
    except (AttributeError, KeyError, TypeError):
        return False
    return all(isinstance(each, list) for each in lists) and all(
        isinstance(each, str) for each in (*names, *chain.from_iterable(lists))
    )


def is_same_need(before: Record, after: Record) -> bool:
    """Return whether two records that share the id of a search are about the same need.

    Some logs number their searches anew each day. So the question of a list must be equal, and the
    session or the time, as far as both records have them.
    """
    known = [name for name in ("session", "timestamp") if name in before and name in after]
    is_equal = any(before[name] == after[name] for name in known) or not known
    return is_equal and before.get("query") == after.get("query")


def merged(before: Record, after: Record, *, same_need: bool) -> Record:
    """Return what a stored record and a later one of the same id or need hold together.

    Picks that are among no sources any more are left out, and so are those of a log entry that now
    gives another. same_need: otherwise the later record replaces all but the picks.
    """
    joined = after
    if same_need:
        before = with_new_addresses(before, after)
        joined = joined_need(before, after)
    shown = {source["url"] for source in all_sources(joined)} - taken_back(before, after)
    joined_fields: Record = {
        name: [*dict.fromkeys(url for url in [*before[name], *after[name]] if url in shown)]
        for name in PICKS
        if name in before and name in after
    }
    if picked_by := before.get(PICKED_BY, {}) | after.get(PICKED_BY, {}):
        joined_fields[PICKED_BY] = picked_by
    return {**joined, **joined_fields}


def taken_back(before: Record, after: Record) -> set[str]:
    """Return the picks of a stored record whose log entries give others now."""
    earlier, later = before.get(PICKED_BY, {}), after.get(PICKED_BY, {})
    picks = chain(*(after.get(name, ()) for name in PICKS), *(earlier | later).values())
    return {*chain.from_iterable(earlier.values())} - {*picks}


def joined_need(before: Record, after: Record) -> Record:
    """Return a record with the fields, sources and wordings of both, and the longer history."""
    first, second = in_order(before, after)
    joined = {**before, **after}
    if before["id"] != after["id"]:
        joined |= {name: first[name] for name in OF_THE_FIRST_SEARCH if name in first}
    if LIST in before and LIST in after:
        joined[LIST] = fuller(before[LIST], after[LIST])
    if MAPPING in before and MAPPING in after:
        joined[MAPPING] = joined_wordings(first[MAPPING], second[MAPPING], first is after)
    if history := max(after.get("history", []), before.get("history", []), key=len):
        joined["history"] = history
    return joined


def in_order(before: Record, after: Record) -> list[Record]:
    """Return two records of one need, the one that begins earlier first."""

    def start(record: Record) -> tuple[float, bool]:
        other = after if record is before else before
        return moment(record.get("timestamp")), record["id"] in search_ids(other)

    return sorted((before, after), key=start)


def joined_wordings(first: Record, second: Record, is_first_later: bool) -> Record:
    """Return the wordings of both mappings, in the spelling of the first.

    is_first_later: whether the first mapping is of the later import.
    """
    names = {query_key(name): name for name in first}
    joined = {**first}
    for other, entry in second.items():
        name = names.get(query_key(other))
        if name is None:
            joined[other] = entry
        else:
            joined[name] = joined_searches(first[name], entry, is_first_later)
    return joined


def joined_searches(first: Record, second: Record, is_first_later: bool) -> Record:
    """Return one wording with what its searches in both imports showed."""
    before, after = (second, first) if is_first_later else (first, second)
    ids = [*dict.fromkeys([*first.get("ids", ()), *second.get("ids", ())])]
    if {*before.get("ids", ())} <= {*after.get("ids", ())}:
        sources = fuller(before["sources"], after["sources"])
    else:
        sources = united(first["sources"], second["sources"])
    return {**before, **after, "query": first["query"], "ids": ids, "sources": sources}


def fuller(before: list[Record], after: list[Record]) -> list[Record]:
    """Return the later of two lists of what the same searches showed, unless it shows only a part.

    A part is what an export has that lacks a page.
    """
    shown_before, shown_after = ({source["url"] for source in each} for each in (before, after))
    return before if shown_after < shown_before else after


def united(first: list[Record], second: list[Record]) -> list[Record]:
    """Return the sources of two lists, each URL once, with ranks from 1."""
    by_url: dict[str, Record] = {}
    for source in [*first, *second]:
        by_url.setdefault(source["url"], source)
    return [{**source, "rank": rank} for rank, source in enumerate(by_url.values(), start=1)]


def with_new_addresses(before: Record, after: Record) -> Record:
    """Return a stored record with the addresses that a later one knows of the ids of its sources.

    A list of documents may have been given only to the later import.
    """
    known = {source["id"]: source for source in all_sources(after) if "id" in source}
    moved = {
        source["url"]: known[name_of(source)]["url"]
        for source in all_sources(before)
        if name_of(source) in known
    }

    def renewed(sources: list[Record]) -> list[Record]:
        return [renewed_source(source, known.get(name_of(source))) for source in sources]

    result = {**before}
    for name in PICKS:
        if name in before:
            result[name] = [moved.get(url, url) for url in before[name]]
    if PICKED_BY in before:
        entries = before[PICKED_BY].items()
        result[PICKED_BY] = {key: [moved.get(url, url) for url in urls] for key, urls in entries}
    if LIST in before:
        result[LIST] = renewed(before[LIST])
    if MAPPING in before:
        result[MAPPING] = {
            name: {**entry, "sources": renewed(entry["sources"])}
            for name, entry in before[MAPPING].items()
        }
    return result


def renewed_source(source: Record, known: Record | None) -> Record:
    """Return a source with the address that is known now, and with texts that it lacked."""
    if known is None:
        return source
    return {**known, **source, "url": known["url"], "id": known["id"]}


def name_of(source: Record) -> str:
    """Return the name of a source in its export, which stays if its address becomes known."""
    return str(source.get("id", source["url"]))


def all_sources(record: Record) -> Iterator[Record]:
    """Yield the sources of a record, of its list and of its wordings."""
    yield from record.get(LIST, [])
    for entry in record.get(MAPPING, {}).values():
        yield from entry["sources"]

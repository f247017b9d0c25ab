"""Finds the ids, session, user and time of a record, under the names that many logs use.

Ids and times tell apart records with the same content; session and user say who asked. Names are
compared without case, blanks and marks, so session_id, sessionId and "Session ID" are the same.
Event logs keep some of these fields one level deeper, under keys such as `context`.

Sources: the event formats of Segment, Amplitude, Mixpanel, Google Analytics, Matomo, Elasticsearch
(@timestamp, _id), OpenTelemetry (trace and span), MTurk and Prolific (worker, participant).
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from findtune.core.records import Record
from findtune.ingest.null_words import is_null_word

ENDINGS = ("id", "uuid", "guid")
# Names that stand for an id themselves, and names that need an ending to be one.
WITHOUT_ENDING = {
    *("record", "session", "user", "request", "event", "impression", "visitor", "annotator"),
    *("rater", "worker", "participant", "customer", "account", "device"),
}
WITH_ENDING = {
    *("query", "search", "visit", "client", "anonymous", "trace", "span", "conversation", "chat"),
    *("thread", "message", "turn", "log", "interaction", "correlation", "cookie", "distinct"),
    *("row", "run", "pageview", "transaction", "hit", "click", "subject"),
}
# Fields that tell one record from another, whatever else they share.
IDS = WITHOUT_ENDING | {f"{name}{end}" for name in WITHOUT_ENDING | WITH_ENDING for end in ENDINGS}
IDS |= {*ENDINGS, "sid", "uid", "username"}
# Names of other ids: click_id, subjectId, X-Request-Id. Those of PLACES say where a record was put.
ID_ENDING = re.compile(
    r"(?i:[^a-z](?:id|uuid|guid))$|(?<=[a-z])(?:I[dD]|U[uU][iI][dD]|G[uU][iI][dD])$"
)
PLACES = ("batch", "export", "file", "dataset", "job", "topic", "schema", "index")
# Fields that say who asked; records of one session or user are not independent. A client, as in
# client_id, may be a program that all users share; an account or a customer may be a company.
SESSIONS = ("session", "visit", "conversation", "chat", "thread")
USERS = (
    *("user", "visitor", "anonymous", "distinct", "customer", "participant"),
    *("worker", "device", "cookie"),
)
ASKERS = {
    "session": {"session", "sid", *(f"{name}{end}" for name in SESSIONS for end in ENDINGS)},
    "user": {
        *("user", "visitor", "participant", "worker", "uid", "username"),
        *(f"{name}{end}" for name in USERS for end in ENDINGS),
    },
}
# The usual names first: the first one that a record has counts.
TIMES = (
    *("timestamp", "time", "ts", "datetime", "createdat", "date", "created", "createdtime"),
    *("eventtime", "eventtimestamp", "requesttime", "searchedat", "loggedat", "occurredat"),
)
NESTED = {"context", "metadata", "meta", "properties", "attributes", "extra"}
# The fields of all kinds of feedback, and their plain names, to find other ways to write them.
FIELDS = frozenset(["query", "all_sources", "positive_sources", "negative_sources", "history"])
FIELDS |= {"original_query", "selected_sources", "query_source_mapping", "topic"}
FIELDS |= {"response1", "response2", "selected_response"}
PLAIN_FIELDS = {name.replace("_", ""): name for name in FIELDS}
ID_KEYS = ("id", "_id", "uuid", "$oid", "user_id", "session_id", "name")  # of a user as an object
# What logs write where they do not know who asked.
NOBODY = {
    f"{word}{end}"
    for word in ("anonymous", "anon", "guest", "unknown", "nobody")
    for end in ("", "user", "visitor")
}
NO_NAME = re.compile(r"-\d+|n/a|[\W_0]*", re.IGNORECASE)  # -1, and zeros, as in a nil UUID


@lru_cache(4096)
def plain_name(key: str) -> str:
    """Return a key without case, blanks and marks."""
    return "".join(filter(str.isalnum, key.lower()))


def with_field_names(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record whose fields have the names that ingest reads: allSources is all_sources."""
    others = {
        name: record[key]
        for key in record
        if key not in FIELDS and (name := PLAIN_FIELDS.get(plain_name(key))) and name not in record
    }
    return {**record, **others} if others else record


def level_fields(record: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    """Yield path, plain name and value of each field, also of those one level deeper."""
    for key, value in record.items():
        name = plain_name(key)
        yield key, name, value
        if name in NESTED and isinstance(value, dict):
            yield from ((f"{key}.{inner}", plain_name(inner), value[inner]) for inner in value)


def record_ids(record: Mapping[str, Any]) -> list[list[object]]:
    """Return the fields that tell a record from others with the same content, in order."""
    values = {path: value for path, name, value in level_fields(record) if value and is_id(path)}
    return [[path, values[path]] for path in sorted(values)]


@lru_cache(4096)
def is_id(key: str) -> bool:
    """Return whether a key is that of an id, which tells records apart."""
    name = (
        plain_name(key.rpartition(".")[2]) if key.partition(".")[0] in NESTED else plain_name(key)
    )
    return name in IDS or (bool(ID_ENDING.search(key)) and not name.startswith(PLACES))


def asker_fields(record: Mapping[str, Any]) -> Record:
    """Return `asked_by`: hashes of a record's session and user, or nothing where none is known."""
    fields = sorted(level_fields(record), key=lambda field: field[0])
    askers = [
        f"{kind}:{blake2b(asker.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"
        for kind, names in ASKERS.items()
        for _, name, value in fields
        if name in names and (asker := asker_name(value))
    ]
    return {"asked_by": [*dict.fromkeys(askers)]} if askers else {}


def asker_name(value: object) -> str:
    """Return a session or user as text, alike for 12, 12.0 and "12"; "" where none is known."""
    if isinstance(value, dict):
        value = next((value[key] for key in ID_KEYS if value.get(key)), None)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    name = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else f"{value}".strip()
    is_nobody = plain_name(name) in NOBODY or bool(NO_NAME.fullmatch(name))
    return "" if is_nobody or is_null_word(name) else name


def raw_time(record: Mapping[str, Any]) -> object:
    """Return the time of a record as it is logged, under the most usual name that it has."""
    if (time := record.get("timestamp")) is not None:
        return time
    times: dict[str, object] = {}
    for _, name, value in level_fields(record):
        if name in TIMES and value is not None:
            times.setdefault(name, value)
    return next((times[name] for name in TIMES if name in times), None)

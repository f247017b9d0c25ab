"""The fields that several kinds of feedback share: the query, optional lists, and the origin."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from findtune.core.records import Record
from findtune.ingest.null_words import is_null_word
from findtune.ingest.percent_encoding import decode_search
from findtune.ingest.plain_text import has_content, strip_html, to_one_line
from findtune.ingest.report import NothingToLearnError, RecordError, RecordReport, wrong_type

# Fields that tell one record from another, whatever else they share.
IDS = frozenset(
    f"{name}{end}"
    for name in ("record", "session", "user", "request", "query", "search", "event", "impression")
    for end in ("", "_id", "id", "_uuid")
) - {"query", "search"}
IDS |= {
    "id",
    "_id",
    "uuid",
    "guid",
    "visit_id",
    "visitor_id",
    "client_id",
    "anonymous_id",
    "trace_id",
}
# Fields that say who asked; records of one session or user are not independent.
ASKERS = {
    "session": {"session", "session_id", "sessionid", "session_uuid", "visit_id"},
    "user": {
        *("user", "user_id", "userid", "user_uuid"),
        *("visitor_id", "visitorid", "anonymous_id", "anonymousid"),
    },
}
# What logs write where they do not know who asked.
NOBODY = {"", "-", "0", "-1", "anonymous", "anon", "guest", "unknown", "nobody", "n/a"}
EPOCH = re.compile(r"[0-9]{9,19}(?:\.[0-9]{1,9})?")
MIN_EPOCH, MAX_EPOCH = 1e8, 1e11  # seconds: 1973, and later than any log
TIMES = ("timestamp", "time", "ts", "datetime", "created_at", "createdat", "date")


def clean_query(value: object, field: str, report: RecordReport) -> str:
    """Return a query in one line; raise RecordError if it is empty, too long or not text.

    Raises NothingToLearnError for one without a letter, digit or emoji.
    """
    if not isinstance(value, str):
        raise wrong_type(field, value, expected="a query", remedy="write it as a string")
    query, limit = typed_text(value, field, report), report.limits.max_text_chars
    if not query and to_one_line(value):
        raise NothingToLearnError(field, "questions without a letter or digit")
    if not query:
        remedy = "write a query, or leave it out"
        raise RecordError(field, value, reason="an empty query", remedy=remedy)
    if len(query) > limit:
        reason = f"a query of {len(query):,} characters; at most {limit:,} are read"
        remedy = "shorten it, or raise feedback.max_text_chars"
        raise RecordError(field, value, reason=reason, remedy=remedy)
    return query


def typed_text(value: str, field: str, report: RecordReport) -> str:
    """Return a query as it was typed, in one line; "" for one that says nothing."""
    decoded = decode_search(value)
    if decoded != value:
        report.encoded_fields.append(field)
    text = strip_html(decoded)
    if text != decoded:
        report.html_fields.append(field)
    query = to_one_line(text)
    return "" if is_null_word(query) or not has_content(query) else query


def optional_list(record: Mapping[str, Any], field: str) -> object:
    """Return the value of a field, or an empty list if it is missing."""
    value = record.get(field)
    return [] if value is None else value


def clean_history(record: Mapping[str, Any], report: RecordReport) -> list[str]:
    """Return the earlier questions of the session, oldest first; bad ones are dropped.

    Earlier questions are optional, so no mistake in them loses the record.
    """
    value = optional_list(record, "history")
    if not isinstance(value, list):
        remedy = 'write the earlier questions like ["first question", "second question"]'
        report.drop(wrong_type("history", value, expected="a list of queries", remedy=remedy))
        return []
    history = []
    for index, entry in enumerate(value):
        try:
            history.append(clean_query(entry, f"history[{index}]", report))
        except RecordError as error:
            report.drop(error)
    if history:
        report.counts["records_with_history"] += 1
    return history


def clean_topic(record: Mapping[str, Any], report: RecordReport) -> str:
    """Return the topic of a record, or "" if it has none; a bad one is dropped.

    Records of one topic are never on both sides of a split.
    """
    value = record.get("topic")
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and len(value) <= report.limits.max_text_chars:
        return to_one_line(value)
    remedy = "write a short string or a whole number, the same for all records of a topic"
    report.drop(RecordError("topic", value, reason="not the name of a topic", remedy=remedy))
    return ""


def require_pick(
    picks: list[str], record: Mapping[str, Any], field: str, report: RecordReport
) -> None:
    """Raise NothingToLearnError for a record without a pick, and RecordError if no pick is left."""
    if picks:
        return
    if not record.get(field):
        raise NothingToLearnError(field, "records without a pick")
    cause = report.cause(field)
    reason = "no document that was picked is left"
    if cause:
        reason = f"{reason}: {cause.reason}"
    remedy = cause.remedy if cause else "log every document that was shown"
    raise RecordError(field, "", reason=reason, remedy=remedy)


def identity_fields(record: Mapping[str, Any], timestamp: str) -> list[object]:
    """Return what tells a record from another with the same content: its time and its ids.

    A time that can't be read still differs from another one.
    """
    ids = sorted([key, value] for key, value in record.items() if key.lower() in IDS and value)
    return [timestamp or raw_time(record), *ids]


def asker_fields(record: Mapping[str, Any]) -> Record:
    """Return `asked_by`: hashes of a record's session and user, or nothing where none is known."""
    askers = [
        f"{name}:{blake2b(asker.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"
        for name, keys in ASKERS.items()
        for key in sorted(record)
        if key.lower() in keys and (asker := asker_name(record[key]))
    ]
    return {"asked_by": [*dict.fromkeys(askers)]} if askers else {}


def asker_name(value: object) -> str:
    """Return a session or user as text, alike for 12, 12.0 and "12"; "" where none is known."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    name = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else f"{value}".strip()
    return "" if name.lower() in NOBODY or is_null_word(name) else name


def raw_time(record: Mapping[str, Any]) -> object:
    """Return the time of a record as it is logged, under the first of its names."""
    if (time := record.get("timestamp")) is not None:
        return time
    lower = {key.lower(): value for key, value in record.items() if key.lower() in TIMES}
    return next((lower[name] for name in TIMES if lower.get(name) is not None), None)


def origin_fields(record: Mapping[str, Any], report: RecordReport) -> Record:
    """Return the fields that say where a record comes from and when it was made."""
    timestamp = clean_timestamp(raw_time(record), report)
    return {"record": report.location, "timestamp": timestamp}


def clean_timestamp(value: object, report: RecordReport) -> str:
    """Return an ISO 8601 time, also of seconds since 1970; another one is reported and left out."""
    if value is None:
        report.counts["records_without_timestamp"] += 1
        return ""
    if isinstance(value, str) and is_iso_8601(value.strip()):
        return value.strip()
    if time := epoch_time(value):
        return time
    remedy = (
        "write it like 2025-01-31T12:00:00Z; nothing depends on it but whether two records are one"
    )
    report.flag(RecordError("timestamp", value, reason="not a time", remedy=remedy))
    return ""


def epoch_time(value: object) -> str:
    """Return the ISO 8601 time of seconds, or thousandths of them, since 1970; "" if it is none."""
    if isinstance(value, str) and EPOCH.fullmatch(value.strip()):
        value = float(value)
    if type(value) not in (int, float) or not isinstance(value, (int, float)):
        return ""
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if MIN_EPOCH <= value / unit < MAX_EPOCH:
            time = datetime.fromtimestamp(value / unit, UTC)
            return time.isoformat().replace("+00:00", "Z")
    return ""


def is_iso_8601(text: str) -> bool:
    """Return whether a text is an ISO 8601 date, with or without a time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return text.isascii() and text.isprintable()

"""The fields that several kinds of feedback share: the query, optional lists, and the origin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from findtune.core.records import Record
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import RecordError, RecordReport, wrong_type

INVISIBLE = " \u200b\u200c\u200d\u2060\ufeff"  # characters that show nothing


def clean_query(value: object, field: str, report: RecordReport) -> str:
    """Return a query in one line; raise RecordError if it is empty, too long or not text."""
    if not isinstance(value, str):
        raise wrong_type(field, value, expected="a query", remedy="write it as a string")
    query, limit = to_one_line(value), report.limits.max_text_chars
    if not query.strip(INVISIBLE):
        remedy = "write a query, or leave it out"
        raise RecordError(field, value, reason="an empty query", remedy=remedy)
    if len(query) > limit:
        reason = f"a query of {len(query):,} characters; at most {limit:,} are read"
        remedy = "shorten it, or raise feedback.max_text_chars"
        raise RecordError(field, value, reason=reason, remedy=remedy)
    return query


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


def require_pick(picks: list[str], field: str) -> None:
    """Raise RecordError for a record in which the user picked nothing."""
    if not picks:
        reason = "no document was picked, or none that is left"
        raise RecordError(field, "", reason=reason, remedy="leave out records without a pick")


def origin_fields(record: Mapping[str, Any], report: RecordReport) -> Record:
    """Return the fields that say where a record comes from and when it was made."""
    timestamp = clean_timestamp(record.get("timestamp"), report)
    return {"record": report.location, "timestamp": timestamp}


def clean_timestamp(value: object, report: RecordReport) -> str:
    """Return an ISO 8601 time. Nothing depends on it, so another one is reported and left empty."""
    if value is None:
        report.counts["records_without_timestamp"] += 1
        return ""
    if isinstance(value, str) and is_iso_8601(value.strip()):
        return value.strip()
    remedy = "write it like 2025-01-31T12:00:00Z; it was left empty, since nothing depends on it"
    report.flag(RecordError("timestamp", value, reason="not an ISO 8601 time", remedy=remedy))
    return ""


def is_iso_8601(text: str) -> bool:
    """Return whether a text is an ISO 8601 date, with or without a time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return text.isascii() and text.isprintable()

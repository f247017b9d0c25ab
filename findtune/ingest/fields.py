"""Cleans the fields that several kinds of feedback share: query, history, topic, picks and time."""

from collections.abc import Collection, Mapping
from typing import Any

from findtune.core.records import Record
from findtune.ingest.document_fields import number_as_id
from findtune.ingest.missing_fields import missing_in_record
from findtune.ingest.null_words import is_null_word
from findtune.ingest.percent_encoding import decode_search
from findtune.ingest.picks_elsewhere import refuse_picks_elsewhere
from findtune.ingest.plain_text import has_content, strip_html, to_one_line
from findtune.ingest.record_ids import raw_time, record_ids
from findtune.ingest.report import NothingToLearnError, RecordError, RecordReport, wrong_type
from findtune.ingest.times import read_time
from findtune.ingest.written_lists import names_nothing, read_list

USERS = ("user", "human")  # the roles of a person in a chat
PROGRAMS = ("assistant", "ai", "bot", "gpt", "model", "system", "developer", "tool", "function")
ROLE_KEYS = ("role", "type", "sender", "from", "speaker", "author")
MESSAGE_KEYS = ("content", "text", "query", "question")


def required_query(
    record: Mapping[str, Any], value: object, field: str, report: RecordReport
) -> str:
    """Return the question of a record, from the value of its field, as `clean_query` does."""
    if value is None:
        raise missing_in_record(record, field, "a query", "write it as a string")
    return clean_query(value, field, report)


def clean_query(value: object, field: str, report: RecordReport) -> str:
    """Return a query in one line; raise RecordError if it is empty, too long or not text.

    Raises NothingToLearnError for one without a letter, digit or emoji, and for a word such as nan.
    """
    if not isinstance(value, str):
        raise wrong_type(field, value, expected="a query", remedy="write it as a string")
    query, limit = typed_text(value, field, report), report.limits.max_text_chars
    if not query and is_null_word(value):
        raise NothingToLearnError(field, "questions that are a word for nothing, such as nan")
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


def typed_line(value: str) -> str:
    """Return a query as it was typed, in one line."""
    return to_one_line(strip_html(decode_search(value)))


def typed_text(value: str, field: str, report: RecordReport) -> str:
    """Return a query as it was typed, in one line; "" for one without content, such as nan."""
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

    Earlier questions are optional, so a mistake in them never loses the record. They may be
    messages of a chat, of which only those of the user count.
    """
    value = read_list(optional_list(record, "history"))
    if not isinstance(value, list):
        remedy = 'write the earlier questions like ["first question", "second question"]'
        report.drop(wrong_type("history", value, expected="a list of queries", remedy=remedy))
        return []
    history = []
    for index, entry in enumerate(value):
        role = role_of(entry)
        if role in PROGRAMS:
            continue
        text = message_text(entry) if role in USERS else entry
        try:
            history.append(clean_query(text, f"history[{index}]", report))
        except RecordError as error:
            report.drop(error)
    if history:
        report.counts["records_with_history"] += 1
    return history


def role_of(entry: object) -> str:
    """Return the role of who wrote a message of a chat; the user's if it does not say."""
    keys = [key for key in ROLE_KEYS if key in entry] if isinstance(entry, dict) else []
    return f"{entry[keys[0]]}".lower() if keys and isinstance(entry, dict) else USERS[0]


def message_text(entry: object) -> object:
    """Return the text of a message of a chat, or anything else as it is."""
    if not isinstance(entry, dict):
        return entry
    return next((entry[key] for key in MESSAGE_KEYS if isinstance(entry.get(key), str)), entry)


def clean_topic(record: Mapping[str, Any], report: RecordReport) -> str:
    """Return the topic of a record, or "" if it has none; a bad one is dropped.

    Records of one topic are never on both sides of a split.
    """
    value = record.get("topic")
    if value is None:
        return ""
    if number := number_as_id(value):
        return number
    if isinstance(value, str) and len(value) <= report.limits.max_text_chars:
        topic = to_one_line(strip_html(value))
        return "" if is_null_word(topic) else topic  # else records without a topic would share it
    remedy = "write a short string or a whole number, the same for all records of a topic"
    report.drop(RecordError("topic", value, reason="not the name of a topic", remedy=remedy))
    return ""


def require_pick(
    picks: list[str],
    record: Mapping[str, Any],
    field: str,
    *,
    shown: Collection[str],
    report: RecordReport,
) -> None:
    """Raise NothingToLearnError for a record without a pick, and RecordError if no pick is left.

    shown: the URLs from which the user could pick.
    """
    if picks:
        return
    refuse_picks_elsewhere(record, field, shown, report)
    if names_nothing(record.get(field)):
        raise NothingToLearnError(field, "records without a pick")
    cause = report.cause(field)
    reason = "no document that was picked is left"
    if cause:
        reason = f"{reason}: {cause.reason}"
    remedy = cause.remedy if cause else "log every document that was shown"
    raise RecordError(field, "", reason=reason, remedy=remedy)


def identity_fields(record: Mapping[str, Any], timestamp: str) -> list[object]:
    """Return what tells a record from another with the same content: its time and its ids.

    A time that can't be parsed is compared as it is written.
    """
    return [timestamp or raw_time(record), *record_ids(record)]


def origin_fields(record: Mapping[str, Any], report: RecordReport) -> Record:
    """Return the fields that say where a record comes from and when it was made."""
    timestamp = clean_timestamp(raw_time(record), report)
    return {"record": report.location, "timestamp": timestamp}


def clean_timestamp(value: object, report: RecordReport) -> str:
    """Return a time as ISO 8601; one that can't be parsed is reported and left out.

    An empty text and a word such as null are no time, as if the field were missing.
    """
    if value is None or (isinstance(value, str) and (not value.strip() or is_null_word(value))):
        report.counts["records_without_timestamp"] += 1
        return ""
    if time := read_time(value):
        return time
    remedy = (
        "write it like 2025-01-31T12:00:00Z; nothing depends on it but whether two records are one"
    )
    report.flag(RecordError("timestamp", value, reason="not a time", remedy=remedy))
    return ""

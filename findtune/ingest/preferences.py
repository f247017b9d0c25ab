"""Preferences: which of two answers to a query a user preferred.

Read from data/training_data/training_data*.json, key training_data.
"""

from collections.abc import Mapping
from typing import Any

from findtune.core.records import Record
from findtune.ingest.documents import clean_documents, shorten_documents
from findtune.ingest.fields import clean_query, optional_list, origin_fields
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import RecordError, RecordReport, wrong_type

ANSWERS = ("response1", "response2")


def clean_preference(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean record, and the identity that duplicates share. Raises RecordError."""
    query = clean_query(record.get("query"), "query", report)
    answers = {field: clean_answer(record.get(field), field) for field in ANSWERS}
    if len(set(answers.values())) == 1:
        value, remedy = record["response2"], "leave out records without a choice"
        raise RecordError("response2", value, reason="both answers are the same", remedy=remedy)
    selected = selected_answer(record)
    documents = clean_documents(optional_list(record, "sources"), "sources", report)
    documents = shorten_documents(documents, set(), field="sources", report=report)
    report.count_documents(documents.values())
    clean = {
        "id": clean_id(record.get("id")),
        "query": query,
        **answers,
        "selected_response": selected,
        "sources": [*documents.values()],
    }
    origin = origin_fields(record, report)
    identity = [query, *answers.values(), selected, clean["id"], origin["timestamp"]]
    return {**clean, **origin}, identity


def clean_answer(value: object, field: str) -> str:
    """Return an answer with its line breaks; raise RecordError if it is empty or not text."""
    if not isinstance(value, str):
        raise wrong_type(field, value, expected="an answer", remedy="write it as a string")
    text = "\n".join(map(to_one_line, value.split("\n"))).strip()
    if not text:
        remedy = "leave out records without a choice"
        raise RecordError(field, value, reason="an empty answer", remedy=remedy)
    return text


def selected_answer(record: Mapping[str, Any]) -> str:
    """Return the field of the preferred answer, which may be given by field, number or text."""
    selected = record.get("selected_response")
    for number, field in enumerate(ANSWERS, start=1):
        if str(selected) in (field, str(number)) or selected == record[field]:
            return field
    remedy = f"write {' or '.join(ANSWERS)}"
    reason = "neither of the two answers"
    raise RecordError("selected_response", selected, reason=reason, remedy=remedy)


def clean_id(value: object) -> str:
    """Return the id of a record as text; one of another type is left empty."""
    return to_one_line(str(value)) if isinstance(value, (str, int)) else ""

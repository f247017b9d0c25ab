"""Preferences: which of two answers to a query a user preferred.

Read from data/training_data/training_data*.json, key training_data. Records without a choice (a
tie, both bad, two equal answers) are dropped and counted.
"""

import re
from collections.abc import Mapping
from typing import Any

from findtune.core.records import Record
from findtune.ingest.documents import clean_documents, shorten_documents
from findtune.ingest.fields import clean_query, identity_fields, optional_list, origin_fields
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import NothingToLearnError, RecordError, RecordReport, wrong_type

ANSWERS = ("response1", "response2")
# What holds the text of an answer that is an object, as chat models and their clients name it.
TEXT_KEYS = ("text", "content", "response", "answer", "message", "output", "value", "completion")
NOT_A_LETTER = re.compile(r"[\W_]+")
# Names of the two answers, in lower case and without blanks and marks.
NAMES = (
    {"response1", "1", "a", "modela", "left", "first", "answer1", "answera", "responsea", "model1"},
    {
        "response2",
        "2",
        "b",
        "modelb",
        "right",
        "second",
        "answer2",
        "answerb",
        "responseb",
        "model2",
    },
)
NO_CHOICES = {
    *("tie", "draw", "equal", "same", "both", "bothgood", "bothbad", "tiebothbad", "tiebothgood"),
    *("neither", "none", "nopreference", "nochoice", "skip", "bad", "good", "unsure"),
}


def clean_preference(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean record, and the identity that duplicates share. Raises RecordError."""
    query = clean_query(record.get("query"), "query", report)
    answers = {field: clean_answer(record.get(field), field) for field in ANSWERS}
    if len(set(answers.values())) == 1:
        raise NothingToLearnError("response2", "records with two equal answers")
    selected = selected_answer(record, answers)
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
    identity = [query, *answers.values(), selected, clean["id"]]
    return {**clean, **origin}, [*identity, *identity_fields(record, origin["timestamp"])]


def clean_answer(value: object, field: str) -> str:
    """Return an answer with its line breaks; raise RecordError if it is empty or not text."""
    text = answer_text(value)
    if text is None:
        remedy = "write it as a string, or as an object with a text"
        raise wrong_type(field, value, expected="an answer", remedy=remedy)
    text = "\n".join(map(to_one_line, text.split("\n"))).strip()
    if not text:
        remedy = "leave out records without a choice"
        raise RecordError(field, value, reason="an empty answer", remedy=remedy)
    return text


def answer_text(value: object) -> str | None:
    """Return the text of an answer: a string, an object with one, or the last message of a chat."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        value = value[-1]
    if isinstance(value, dict):
        texts = (value[key] for key in TEXT_KEYS if isinstance(value.get(key), str))
        return next(texts, None)
    return None


def selected_answer(record: Mapping[str, Any], answers: Mapping[str, str]) -> str:
    """Return the field of the preferred answer, which may be given by field, number or text.

    Raises NothingToLearnError for a tie, and RecordError for what is no answer.
    """
    selected = record.get("selected_response")
    text = answer_text(selected)
    for field, names in zip(ANSWERS, NAMES, strict=True):
        if choice_name(selected) in names or selected == record[field] or text == answers[field]:
            return field
    if choice_name(selected) in NO_CHOICES:
        raise NothingToLearnError("selected_response", "records with a tie")
    remedy = f"write {' or '.join(ANSWERS)}, or tie"
    reason = "neither of the two answers"
    raise RecordError("selected_response", selected, reason=reason, remedy=remedy)


def choice_name(selected: object) -> str:
    """Return a choice in lower case, without blanks and marks; 1.0 is 1."""
    if isinstance(selected, float) and selected.is_integer():
        selected = int(selected)
    is_name = isinstance(selected, (str, int)) and not isinstance(selected, bool)
    return NOT_A_LETTER.sub("", str(selected).lower()) if is_name else ""


def clean_id(value: object) -> str:
    """Return the id of a record as text; one of another type is left empty."""
    return to_one_line(str(value)) if isinstance(value, (str, int)) else ""

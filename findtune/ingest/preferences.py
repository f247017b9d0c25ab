"""Preferences: reads which of two answers to a query a user preferred.

Read from data/training_data/training_data*.json, key training_data. Records without a choice (a
tie, both bad, two equal answers) are dropped and counted. No model learns from preferences.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from findtune.core.records import Record
from findtune.ingest.documents import clean_documents, shorten_documents
from findtune.ingest.fields import clean_query, identity_fields, optional_list, origin_fields
from findtune.ingest.plain_text import strip_html, to_one_line
from findtune.ingest.report import NothingToLearnError, RecordError, RecordReport, wrong_type
from findtune.ingest.written_lists import names_nothing

ANSWERS = ("response1", "response2")
# What holds the text of an answer that is an object, as chat models and their clients name it.
TEXT_KEYS = (
    *("text", "content", "response", "answer", "message", "output", "value", "completion"),
    *("parts", "choices", "candidates"),
)
# What programs write for no answer. The word None may be an answer: how many are left?
NO_ANSWERS = ("nan", "NaN", "null", "NULL", "undefined", "[object Object]", "<NA>")
MAX_DEPTH = 6  # of objects in objects, as in the responses of chat models
NOT_A_LETTER = re.compile(r"[\W_]+")
# Names of the two answers, in lower case and without blanks and marks.
KINDS = ("", "model", "answer", "response", "assistant", "option", "output", "candidate")
NAMES = (
    {f"{kind}{end}" for kind in KINDS for end in ("1", "a", "aisbetter", "1isbetter")}
    | {"left", "first", "1st"},
    {f"{kind}{end}" for kind in KINDS for end in ("2", "b", "bisbetter", "2isbetter")}
    | {"right", "second", "2nd"},
)
NO_CHOICES = {
    *("none", "nopreference", "nochoice", "skip", "bad", "good", "unsure", "05", "无", "平手"),
}
# How the names of ties begin: tie (both bad), both good, equally good, same.
TIES = ("tie", "draw", "both", "equal", "same", "neither")
COMPARISON = re.compile(r"\s*\W*([AB12])\W*?\s*(>+|<+|=+)\s*\W*?([AB12])\W*\s*", re.IGNORECASE)
MAX_COMPARISON_CHARS = 20  # a longer one is text, which the pattern would search slowly
NO_ANSWER = re.compile(r"\s*-\d+(?:\.0*)?\s*")  # -1, as programs write for a missing choice


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
    text = clean_lines(text)
    if not text or text in NO_ANSWERS:
        remedy = "leave out records without a choice"
        raise RecordError(field, value, reason="an empty answer", remedy=remedy)
    return text


def clean_lines(text: str) -> str:
    """Return an answer without HTML, line by line."""
    return "\n".join(map(to_one_line, strip_html(text, "\n").split("\n"))).strip()


def answer_text(value: object, depth: int = 0) -> str | None:
    """Return the text of an answer; None if it has none.

    It is a string, an object with a text, the last message of a chat, or a list of parts.
    """
    if isinstance(value, str) or depth > MAX_DEPTH:
        return value if isinstance(value, str) else None
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        is_text = all(isinstance(part.get("text"), str) and "role" not in part for part in value)
        return "\n".join(part["text"] for part in value) if is_text else answer_text(value[-1])
    if isinstance(value, dict):
        texts = (answer_text(value[key], depth + 1) for key in TEXT_KEYS if key in value)
        return next((text for text in texts if text is not None), None)
    return None


def selected_answer(record: Mapping[str, Any], answers: Mapping[str, str]) -> str:
    """Return the field of the preferred answer, which may be given by field, number or text.

    Raises NothingToLearnError for a tie or no choice, and RecordError for anything else.
    """
    selected = record.get("selected_response")
    name = choice_name(selected)
    named = next((field for field, names in zip(ANSWERS, NAMES, strict=True) if name in names), "")
    text = clean_lines(answer_text(selected) or "")
    texts = [field for field in ANSWERS if selected == record[field] or text == answers[field]]
    quoted = next(iter(texts), "")
    if named and quoted != named:
        refuse_other_text(selected, [answers[field] for field in ANSWERS if field != named])
    if preferred := named or quoted:
        return preferred
    if name in NO_CHOICES or name.startswith(TIES):
        raise NothingToLearnError("selected_response", "records with a tie")
    if names_nothing(selected) or is_negative(selected):
        raise NothingToLearnError("selected_response", "records without a choice")
    remedy = f"write {' or '.join(ANSWERS)}, or tie"
    reason = "neither of the two answers"
    raise RecordError("selected_response", selected, reason=reason, remedy=remedy)


def refuse_other_text(selected: object, others: Iterable[str]) -> None:
    """Raise RecordError for a name of one answer that is also the text of another one."""
    if isinstance(selected, str) and choice_name(selected) in map(choice_name, others):
        reason = "it names one answer and is the text of the other"
        remedy = f"write {' or '.join(ANSWERS)}"
        raise RecordError("selected_response", selected, reason=reason, remedy=remedy)


def is_negative(selected: object) -> bool:
    """Return whether a choice is a number below zero, which names no answer."""
    is_number = isinstance(selected, (str, int, float)) and not isinstance(selected, bool)
    return is_number and bool(NO_ANSWER.fullmatch(str(selected)))


def choice_name(selected: object) -> str:
    """Return a choice in lower case, without blanks and marks: 1 for 1.0, a for A>B, "" for -1."""
    if is_negative(selected):
        return ""
    if isinstance(selected, float) and selected.is_integer():
        selected = int(selected)
    is_short = isinstance(selected, str) and len(selected) <= MAX_COMPARISON_CHARS
    if isinstance(selected, str) and is_short and (match := COMPARISON.fullmatch(selected)):
        first, mark, second = match.groups()
        selected = "tie" if mark[0] == "=" or first == second else first
        return second.lower() if mark[0] == "<" and selected != "tie" else selected.lower()
    is_name = isinstance(selected, (str, int, float)) and not isinstance(selected, bool)
    return NOT_A_LETTER.sub("", str(selected).lower()) if is_name else ""


def clean_id(value: object) -> str:
    """Return the id of a record as text; "" if it is neither a string nor a whole number."""
    return to_one_line(str(value)) if isinstance(value, (str, int)) else ""

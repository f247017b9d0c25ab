"""The session of a rating is its chat: the chats that have no id are not one session."""

from pathlib import Path
from typing import Any

import pytest

from tests.importing.small_imports import rows_import

Rows = list[dict[str, Any]]
TIMES = ["2026-11-01T10:00:00Z", "2026-11-01T10:01:00Z"]
QUESTIONS = ["red shoes price", "red shoes size"]


def librechat_messages(number: int, **fields: Any) -> Rows:
    """Return a question and its answer, which was rated up; fields: more of both."""
    sources = [{"fileId": "f0"}, {"fileId": "f1"}]
    answer = {"messageId": f"m{number}", "parentMessageId": f"p{number}", "text": "A turn0file1"}
    answer |= {"feedback": {"rating": "thumbsUp"}, "createdAt": TIMES[number]}
    answer |= {"attachments": [{"file_search": {"turn": 0, "sources": sources}}]}
    question = {"messageId": f"p{number}", "text": QUESTIONS[number], "isCreatedByUser": True}
    return [question | fields, answer | fields]


def wrapped(number: int, name: str) -> dict[str, Any]:
    return {"conversationId": name, "messages": librechat_messages(number)}


def nested(number: int, name: str) -> dict[str, Any]:
    question, answer = librechat_messages(number)
    return {"conversationId": name, "messagesTree": [question | {"children": [answer]}]}


def bare(number: int, name: str) -> dict[str, Any]:
    question, answer = librechat_messages(number, conversationId=None)
    return {"conversationId": name, "messages": {**question, "children": [answer]}}


def open_webui_rating(number: int, chat: str, **meta: str) -> dict[str, Any]:
    sources = [{"document": ["text"], "metadata": [{"source": url}]} for url in "xy"]
    question = {"id": "q", "role": "user", "content": QUESTIONS[number]}
    answer = {"id": "a", "parentId": "q", "role": "assistant", "content": "Five [1]."}
    messages = [question, answer | {"sources": sources}]
    record = {"id": f"f{number}", "data": {"rating": 1}, "meta": {"message_id": "a"} | meta}
    snapshot = {"chat": {"id": chat, "chat": {"messages": messages}}}
    return record | {"snapshot": snapshot, "created_at": TIMES[number]}


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("librechat", [row for number in (0, 1) for row in librechat_messages(number)]),
        ("librechat", [wrapped(0, ""), wrapped(1, "")]),
        ("open-webui", [open_webui_rating(0, ""), open_webui_rating(1, "")]),
    ],
)
def test_chats_without_an_id_are_no_session(tmp_path: Path, source: str, rows: Rows) -> None:
    read = rows_import(source, tmp_path, *rows)
    assert [*read.lists] == QUESTIONS
    assert not [row for row in read.lists.values() if row.keys() & {"session", "history"}]


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("librechat", [wrapped(0, "C1"), wrapped(1, "C2")]),
        ("librechat", [nested(0, "C1"), nested(1, "C2")]),
        ("librechat", [bare(0, "C1"), bare(1, "C2")]),
        ("open-webui", [open_webui_rating(0, "C1"), open_webui_rating(1, "C2")]),
    ],
)
def test_a_message_is_of_the_chat_that_holds_it(tmp_path: Path, source: str, rows: Rows) -> None:
    read = rows_import(source, tmp_path, *rows)
    assert len({row["session"] for row in read.lists.values()}) == 2
    assert not [row for row in read.lists.values() if "history" in row]


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("librechat", [wrapped(0, "C1"), *librechat_messages(1, conversationId="C1")]),
        ("librechat", [wrapped(0, "C1"), nested(1, "C1")]),
        ("open-webui", [open_webui_rating(0, "C1"), open_webui_rating(1, "", chat_id="C1")]),
    ],
)
def test_ratings_of_one_chat_are_one_session_wherever_its_id_stands(
    tmp_path: Path, source: str, rows: Rows
) -> None:
    read = rows_import(source, tmp_path, *rows)
    assert read.lists[QUESTIONS[1]]["history"] == QUESTIONS[:1]

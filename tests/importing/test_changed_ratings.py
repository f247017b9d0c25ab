"""A rating that changes or is taken back: the latest row counts, and its earlier list goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findtune.core.files import read_jsonl
from findtune.importing.storage import store
from tests.importing.small_imports import rows_import

Rows = list[dict[str, Any]]
URLS = ["https://x.example/a", "https://x.example/b"]
TIMES = ["2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"]


def langfuse(up: bool, day: int) -> Rows:
    score = {"id": "s1", "trace_id": "t1", "name": "thumb", "data_type": "BOOLEAN"}
    sources = [{"url": url} for url in URLS]
    return [
        {"id": "t1", "input": "how many?", "output": f"See {URLS[0]}."},
        {"id": "o1", "trace_id": "t1", "type": "RETRIEVER", "output": sources},
        score | {"value": int(up), "timestamp": TIMES[0], "updated_at": TIMES[day]},
    ]


def open_webui(up: bool, day: int) -> Rows:
    sources = [{"document": ["text"], "metadata": [{"source": url}]} for url in URLS]
    answer = {"id": "a", "parentId": "q", "role": "assistant", "content": "Five [1]."}
    question = {"id": "q", "role": "user", "content": "how many?"}
    messages = [question, answer | {"sources": sources}]
    record = {"id": "f1", "data": {"rating": 1 if up else -1}, "meta": {"message_id": "a"}}
    return [record | {"snapshot": {"chat": {"messages": messages}}, "updated_at": TIMES[day]}]


def librechat(up: bool, day: int) -> Rows:
    sources = [{"fileId": url, "fileName": "x"} for url in URLS]
    answer = {"messageId": "a", "parentMessageId": "q", "text": "Five turn0file0."}
    answer |= {"feedback": {"rating": "thumbsUp" if up else "thumbsDown"}}
    answer |= {"attachments": [{"file_search": {"sources": sources}}]}
    return [{"messageId": "q", "text": "how many?"}, answer | {"updatedAt": TIMES[day]}]


ROWS: dict[str, Callable[[bool, int], Rows]] = {
    "langfuse": langfuse,
    "open-webui": open_webui,
    "librechat": librechat,
}
every_program = pytest.mark.parametrize("source", ROWS)


@every_program
@pytest.mark.parametrize("days", [(0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("first", [True, False])
def test_of_two_ratings_with_one_id_the_latest_counts(
    tmp_path: Path, source: str, days: tuple[int, int], first: bool
) -> None:
    rows = [*ROWS[source](first, days[0]), *ROWS[source](not first, days[1])]
    read = rows_import(source, tmp_path, *rows)
    is_up = first if days[0] > days[1] else not first
    assert [rating.good for rating in read.feedback.ratings] == [is_up]
    assert len(read.searches) == is_up
    assert len(read.feedback.replaced) == (not is_up)


def without_id(rows: Rows) -> Rows:
    """Return rows in which scores, ratings and rated messages have no id."""
    names = {"value": "id", "data": "id", "feedback": "messageId"}
    dropped = [{names[key] for key in row.keys() & names.keys()} for row in rows]
    pairs = zip(rows, dropped, strict=True)
    return [{key: row[key] for key in row if key not in drop} for row, drop in pairs]


def test_langfuse_scores_without_an_id_all_count_and_take_nothing_back(tmp_path: Path) -> None:
    rows = [row for up in (True, False) for row in without_id(langfuse(up, 0))]
    read = rows_import("langfuse", tmp_path, *rows)
    assert len(read.feedback.ratings) == 2
    assert read.feedback.replaced == set()


@pytest.mark.parametrize(
    ("source", "reason", "lines"),
    [
        ("open-webui", "ratings without an id", [1, 2]),
        ("librechat", "ratings of a message without a messageId", [2, 4]),
    ],
)
@pytest.mark.parametrize("second", [True, False])
def test_ratings_without_an_id_are_counted_and_take_nothing_back(
    tmp_path: Path, source: str, reason: str, lines: list[int], second: bool
) -> None:
    rows = [row for up in (True, second) for row in without_id(ROWS[source](up, 0))]
    read = rows_import(source, tmp_path, *rows)
    assert read.feedback.ratings == []
    assert read.feedback.replaced == set()
    assert read.unused() == {reason: lines}


@pytest.mark.parametrize("source", ["open-webui", "librechat"])
def test_a_message_without_an_id_is_the_question_of_no_answer(tmp_path: Path, source: str) -> None:
    rows = ROWS[source](True, 0)
    messages = rows if source == "librechat" else rows[0]["snapshot"]["chat"]["messages"]
    question, answer = messages
    question |= {"messageId": ""} if source == "librechat" else {"id": ""}
    answer |= {"parentMessageId": ""} if source == "librechat" else {"parentId": ""}
    question["feedback"] = None
    read = rows_import(source, tmp_path, *rows)
    assert read.feedback.ratings == []
    assert len(read.unused()) == 1


def lists_after(source: str, tmp_path: Path, rows: Rows) -> int:
    read = rows_import(source, tmp_path, *rows)
    lists, replaced = read.lists.values(), read.feedback.replaced
    path = store(tmp_path, "ranked_lists", source, lists, replaced).path
    return len(read_jsonl(path)) if path.exists() else 0


@every_program
def test_a_thumb_that_a_later_export_turns_down_removes_its_list(
    tmp_path: Path, source: str
) -> None:
    exports = [ROWS[source](up, 1) for up in (True, True, False, False)]
    assert [lists_after(source, tmp_path, rows) for rows in exports] == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("source", "later", "lists"),
    [
        ("langfuse", langfuse(False, 1)[2:], 0),  # without the trace, as in exports of one day
        ("langfuse", [langfuse(True, 1)[2] | {"trace_id": "t2", "value": 0}], 1),
        ("open-webui", [open_webui(True, 1)[0] | {"data": {"rating": None}}], 0),
        ("open-webui", [open_webui(True, 1)[0] | {"data": {}}], 1),
        ("open-webui", [open_webui(False, 1)[0] | {"id": "f2"}], 1),
        ("librechat", [{"messageId": "a", "text": "Five.", "feedback": None}], 0),
        ("librechat", [{"messageId": "a", "text": "Five."}], 1),
    ],
)
def test_only_a_rating_of_the_same_id_that_is_none_or_down_takes_one_back(
    tmp_path: Path, source: str, later: Rows, lists: int
) -> None:
    assert lists_after(source, tmp_path, ROWS[source](True, 0)) == 1
    assert lists_after(source, tmp_path, later) == lists

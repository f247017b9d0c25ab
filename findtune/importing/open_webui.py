"""Open WebUI: the feedback that an administrator exports as JSON.

Each record has a rating of one message and a snapshot of its chat. Sources: Open WebUI
documentation, page "Evaluation"; its source, backend/open_webui/models/feedbacks.py for the record
and backend/open_webui/utils/middleware.py for the sources of a message.

The question is the parent of the rated message; the sources are those of the rated message, in
order. An answer cites them as [1], [2]; the numbers count distinct documents.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from findtune.importing.documents import Document, Library, distinct, text_of
from findtune.importing.export_files import read_rows
from findtune.importing.feedback import Feedback
from findtune.importing.latest_rows import latest_rows
from findtune.importing.pseudonyms import Pseudonyms, record_id
from findtune.importing.ratings import Rating
from findtune.importing.tally import Row, Tally
from findtune.importing.times import utc_time

CITATION = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
FIELDS = frozenset(
    {"id", "user_id", "version", "type", "data", "meta", "snapshot", "created_at", "updated_at"}
    | {"user", "details", "base_models"}
)
DATA_FIELDS = frozenset(
    {"rating", "model_id", "sibling_model_ids", "reason", "comment", "tags", "details"}
)
CHATS = "chats, which are not the feedback that Evaluations exports"
OTHERS = "records that are not feedback"

Messages = Mapping[str, Mapping[str, Any]]


def read_open_webui(
    paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally
) -> Feedback:
    """Return the ratings of some exports; raise InputError for a file that can't be read."""
    latest = latest_rows(feedback_rows(paths, tally), ("id",), ("updated_at", "created_at"))
    ratings = (read_rating(row, people, library, tally) for row in latest)
    return Feedback(
        ratings=[rating for rating in ratings if rating],
        replaced={rating_id(row) for row in latest if is_taken_back(row)},
    )


def feedback_rows(paths: Sequence[Path], tally: Tally) -> Iterator[Row]:
    """Yield the rows of some exports that are feedback; count the others."""
    for path in paths:
        for row in read_rows(path, tally):
            if not row.fields.keys() & {"data", "snapshot"}:
                tally.skip_row(CHATS if "chat" in row.fields else OTHERS, row)
                continue
            tally.rows["ratings"] += 1
            tally.note_unknown(row.fields, FIELDS)
            tally.note_unknown(row.fields.get("data"), DATA_FIELDS, "data.")
            yield row


def rating_id(row: Row) -> str:
    """Return the id of the rating that a record holds, and of the list that it may give."""
    return record_id("open_webui", text_of(row.fields.get("id")))


def is_taken_back(row: Row) -> bool:
    """Return whether a record holds no thumb up, though an earlier export may have had one."""
    data = as_object(row.fields.get("data"))
    has_id = bool(text_of(row.fields.get("id")))
    return has_id and "rating" in data and rating_value(data["rating"]) != 1


def read_rating(row: Row, people: Pseudonyms, library: Library, tally: Tally) -> Rating | None:
    """Return the rating of one record; None, counted with its reason, if it is not usable."""
    fields = row.fields
    data, meta = (as_object(fields.get(name)) for name in ("data", "meta"))
    value = rating_value(data.get("rating"))
    messages = {key: message for key, message in chat_messages(fields.get("snapshot")) if key}
    message = messages.get(text_of(meta.get("message_id")), {})
    question = question_before(message, messages)
    if not text_of(fields.get("id")):
        tally.skip_row("ratings without an id", row)
    elif value is None:
        tally.skip_row("records without a rating of 1 or -1", row)
    elif not message:
        tally.skip_row("ratings whose message is not in the snapshot", row)
    elif not question:
        tally.skip_row("ratings of a message without a question before it", row)
    else:
        documents = shown_documents(message, library)
        answer = text_of(message.get("content"))
        return Rating(
            id=rating_id(row),
            query=question,
            answer=answer,
            value=value,
            good=value > 0,
            time=utc_time(fields.get("created_at")),
            session=people.session("chat", chat_id(meta, fields.get("snapshot"))),
            row=row,
            sources=documents,
            cited=cited_urls(answer, documents),
            beside=answers_beside(message, messages) if data.get("sibling_model_ids") else (),
        )
    return None


def as_object(value: object) -> Mapping[str, Any]:
    """Return a JSON object unchanged; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """Return a list unchanged; an empty one for anything else."""
    return value if isinstance(value, list) else []


def rating_value(value: object) -> float | None:
    """Return 1 or -1, given as a number or a text; None for anything else."""
    text = text_of(value)
    return float(text) if text in ("1", "-1") else None


def chat_messages(snapshot: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (id, message) of a snapshot, wherever its version keeps the messages."""
    level = as_object(snapshot)
    while level:
        messages = as_object(level.get("history")).get("messages", level.get("messages"))
        if messages:
            items = messages.values() if isinstance(messages, Mapping) else as_list(messages)
            yield from ((text_of(item.get("id")), item) for item in map(as_object, items))
            return
        level = as_object(level.get("chat"))


def chat_id(meta: Mapping[str, Any], snapshot: object) -> str:
    """Return the id of the chat of a rating; "" if neither the rating nor its snapshot names it."""
    chat = as_object(as_object(snapshot).get("chat"))
    return text_of(meta.get("chat_id")) or text_of(chat.get("id"))


def question_before(message: Mapping[str, Any], messages: Messages) -> str:
    """Return the question that a message answers."""
    parent = messages.get(text_of(message.get("parentId")), {})
    return text_of(parent.get("content")) if parent.get("role") == "user" else ""


def answers_beside(message: Mapping[str, Any], messages: Messages) -> list[str]:
    """Return the other answers to the same question, as in the arena."""
    parent, own = message.get("parentId"), message.get("id")
    return [
        text_of(other.get("content"))
        for other in messages.values()
        if other.get("parentId") == parent and other.get("id") != own
    ]


def shown_documents(message: Mapping[str, Any], library: Library) -> list[Document]:
    """Return the documents of a message in the order in which its citations count them."""
    items = as_list(message.get("sources") or message.get("citations"))
    documents = (document for item in items for document in documents_of(as_object(item)))
    return distinct(map(library.complete, documents))


def documents_of(item: Mapping[str, Any]) -> Iterator[Document]:
    """Yield the documents of one source: one for each passage and its metadata."""
    source = as_object(item.get("source"))
    passages, metadata = (as_list(item.get(name)) for name in ("document", "metadata"))
    for index, passage in enumerate(passages):
        about = as_object(metadata[index]) if index < len(metadata) else {}
        names = (about.get("source"), source.get("url"), source.get("id"), source.get("name"))
        titles = (about.get("title"), source.get("name"), about.get("name"))
        url, title = (next(filter(None, map(text_of, each)), "") for each in (names, titles))
        yield Document(url, title, text_of(passage))


def cited_urls(answer: str, documents: Sequence[Document]) -> list[str]:
    """Return the URLs of the documents that an answer cites by number, in order of citation."""
    numbers = [int(each) for match in CITATION.findall(answer) for each in match.split(",")]
    known = (number for number in dict.fromkeys(numbers) if 1 <= number <= len(documents))
    return [documents[number - 1].url for number in known]

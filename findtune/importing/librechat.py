"""LibreChat: messages with feedback, from its database or from exported conversations.

Files hold documents of the collection `messages` as `mongoexport` writes them, or conversations as
"Export conversation" writes them as JSON, flat or recursive. Sources: LibreChat documentation, page
"Import Conversations" (Export from LibreChat); its source, packages/data-schemas
(src/schema/message.ts) for the message and its feedback, and
api/app/clients/tools/util/fileSearch.js for the sources of a file search.

The question is the parent of the rated message. The sources are its attachments: the files of
file_search and the organic results of web_search. An answer cites them as turn0file1, turn0search1.
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

CITATION = re.compile(r"turn(\d+)(file|search)(\d+)")
RATINGS = {"thumbsUp": 1.0, "thumbsDown": -1.0}
CONVERSATION = ("messages", "messagesTree")
FEEDBACK_FIELDS = frozenset({"rating", "tag", "text", "_id"})
# fmt: off
MESSAGE_FIELDS = frozenset([
    "_id", "__v", "messageId", "conversationId", "user", "model", "endpoint", "clientId", "sender",
    "conversationSignature", "invocationId", "parentMessageId", "tokenCount", "summaryTokenCount",
    "text", "summary", "isCreatedByUser", "isTemporary", "unfinished", "error", "finish_reason",
    "feedback", "_meiliIndex", "files", "content", "thread_id", "iconURL", "metadata", "plugin",
    "plugins", "contextMeta", "attachments", "expiredAt", "addedConvo", "tenantId", "createdAt",
    "updatedAt", "children", "childrenIds", "depth", "siblingIndex", "quotes", "manualSkills",
    "alwaysAppliedSkills", "langfuseSampled", "langfuseDestinationIds", "subagentTask",
    "subagentTranscript",
])
# fmt: on

Citable = Mapping[tuple[str, str, str], str]  # turn, kind and index -> URL


def read_librechat(
    paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally
) -> Feedback:
    """Return the ratings of some exports; raise InputError for a file that can't be read."""
    latest = latest_rows(message_rows(paths, tally), ("messageId",), ("updatedAt",))
    messages = {name: row for row in latest if (name := text_of(row.fields.get("messageId")))}
    ratings = (
        read_rating(row, messages, people, library, tally)
        for row in latest
        if row.fields.get("feedback")
    )
    return Feedback(
        ratings=[rating for rating in ratings if rating],
        replaced={rating_id(row) for row in latest if is_taken_back(row)},
    )


def message_rows(paths: Sequence[Path], tally: Tally) -> Iterator[Row]:
    """Yield the messages of some exports; count what is none."""
    for path in paths:
        for row in read_rows(path, tally):
            for message in flat_messages(row):
                if not message.fields.keys() & {"messageId", "feedback"}:
                    tally.skip_row("records that are not messages", message)
                    continue
                tally.rows["messages"] += 1
                tally.note_unknown(message.fields, MESSAGE_FIELDS)
                yield message


def rating_id(row: Row) -> str:
    """Return the id of the rating that a message has, and of the list that it may give."""
    return record_id("librechat", text_of(row.fields.get("messageId")))


def is_taken_back(row: Row) -> bool:
    """Return whether a message has no thumb up, though an earlier export may have had one.

    A message without the field may be of an export that leaves it out, and says nothing.
    """
    has_id = bool(text_of(row.fields.get("messageId")))
    return has_id and "feedback" in row.fields and thumb(row.fields["feedback"]) != 1


def thumb(feedback: object) -> float | None:
    """Return the rating in the feedback of a message; None without one."""
    fields = feedback if isinstance(feedback, Mapping) else {}
    return RATINGS.get(text_of(fields.get("rating")))


def flat_messages(row: Row) -> Iterator[Row]:
    """Yield the messages of a record: one, or all of a conversation, nested ones included.

    A message that does not name its conversation is of the one that holds it.
    """
    inner = next((row.fields[key] for key in CONVERSATION if key in row.fields), None)
    if isinstance(inner, Mapping):
        inner = [inner]
    if not isinstance(inner, list):
        yield row
        inner = row.fields.get("children")
    for item in inner if isinstance(inner, list) else []:
        if isinstance(item, Mapping):
            own = text_of(item.get("conversationId")) or row.fields.get("conversationId")
            yield from flat_messages(row._replace(fields={**item, "conversationId": own}))


def read_rating(
    row: Row, messages: Mapping[str, Row], people: Pseudonyms, library: Library, tally: Tally
) -> Rating | None:
    """Return the rating of one message; None, counted with its reason, if it is not usable."""
    fields = row.fields
    feedback = fields["feedback"] if isinstance(fields["feedback"], Mapping) else {}
    tally.note_unknown(feedback, FEEDBACK_FIELDS, "feedback.")
    value = thumb(feedback)
    parent = messages.get(text_of(fields.get("parentMessageId")))
    question = message_text(parent.fields) if parent else ""
    if not text_of(fields.get("messageId")):
        tally.skip_row("ratings of a message without a messageId", row)
        return None
    if value is None:
        tally.skip_row("feedback that is neither thumbsUp nor thumbsDown", row)
        return None
    if not question:
        tally.skip_row("ratings of a message whose question is in none of the files", row)
        return None
    answer = message_text(fields)
    citable: dict[tuple[str, str, str], str] = {}
    documents = [*shown_documents(fields, citable, library)]
    return Rating(
        id=rating_id(row),
        query=question,
        answer=answer,
        value=value,
        good=value > 0,
        time=utc_time(fields.get("updatedAt") or fields.get("createdAt")),
        session=people.session("conversation", text_of(fields.get("conversationId"))),
        row=row,
        sources=distinct(documents),
        cited=cited_urls(answer, citable),
    )


def message_text(fields: Mapping[str, Any]) -> str:
    """Return the text of a message: its own, or that of the parts of its content."""
    if text := text_of(fields.get("text")):
        return text
    content = fields.get("content")
    parts = (
        (part for part in content if isinstance(part, Mapping)) if isinstance(content, list) else ()
    )
    return "\n".join(filter(None, map(part_text, parts)))


def part_text(part: Mapping[str, Any]) -> str:
    """Return the text of a part; "" for tool calls and reasoning."""
    text = part.get("text") if part.get("type") == "text" else None
    return text_of(text.get("value") if isinstance(text, Mapping) else text)


def shown_documents(
    fields: Mapping[str, Any], citable: dict[tuple[str, str, str], str], library: Library
) -> Iterator[Document]:
    """Yield the sources of a message in order, and note in `citable` how answers cite each."""
    attachments = fields.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        for kind, field, items in source_lists(attachment):
            turn = text_of(attachment[field].get("turn", 0)) or "0"
            for index, item in enumerate(items):
                document = library.complete(to_source(item))
                citable.setdefault((turn, kind, str(index)), document.url)
                yield document


def source_lists(attachment: Any) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield (kind in citations, field, sources) of each list of sources in an attachment."""
    for kind, field, name in (
        ("file", "file_search", "sources"),
        ("search", "web_search", "organic"),
    ):
        holder = attachment.get(field) if isinstance(attachment, Mapping) else None
        items = holder.get(name) if isinstance(holder, Mapping) else None
        if isinstance(items, list):
            yield kind, field, items


def to_source(item: Any) -> Document:
    """Return a source of an attachment as a document."""
    fields = item if isinstance(item, Mapping) else {}
    names = (("link", "url", "fileId"), ("title", "fileName"), ("snippet", "content"))
    return Document(
        *(next(filter(None, (text_of(fields.get(key)) for key in keys)), "") for keys in names)
    )


def cited_urls(answer: str, citable: Citable) -> list[str]:
    """Return the URLs that an answer cites, in order of citation."""
    marks = CITATION.findall(answer)
    return [*dict.fromkeys(citable[mark] for mark in marks if citable.get(mark))]

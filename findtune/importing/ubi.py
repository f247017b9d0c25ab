"""UBI 1.3: searches and events that OpenSearch or Elasticsearch recorded.

Files hold rows of `ubi_queries` and `ubi_events` in any mix and order: JSON lines, a bulk file, or
what `_search` returned. A row with `action_name` is an event, one with `user_query` a query.
Sources: User Behavior Insights, "Query Tracking for UBI" and "Event tracking for UBI", version
1.3.0 (schema/1.3.0 of o19s/ubi); OpenSearch documentation, page "UBI index schemas".

The documents shown are `query_response_hit_ids`, in order. If it is missing, they are the objects
of the query's events, ordered by `position.ordinal`, if every event has one. Rows with the same
`query_id` and question are pages of one search.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from findtune.importing.documents import Document, Library, ShownUrls, distinct, text_of
from findtune.importing.export_files import read_rows
from findtune.importing.feedback import Feedback
from findtune.importing.pseudonyms import Pseudonyms, record_id
from findtune.importing.searches import Search
from findtune.importing.tally import Row, Tally
from findtune.importing.times import in_order, moment, utc_time

# Actions of the specification that show interest in a source, with their strength. A view or an
# impression only means that it was on the screen.
PICKING = {"click": 1, "click_through": 1, "watch": 2, "add_to_cart": 3, "purchase": 4}
SEEING = ("view", "impression")
QUERY_FIELDS = frozenset(
    {"_id", "application", "query_id", "client_id", "user_query", "query_attributes", "timestamp"}
    | {"object_id_field", "query_response_id", "query_response_hit_ids", "query", "indexes"}
    | {"session_id", "user_id"}
)
EVENT_FIELDS = frozenset(
    {"_id", "application", "action_name", "query_id", "session_id", "client_id", "user_id"}
    | {"timestamp", "message_type", "message", "event_attributes"}
)
OBJECT_FIELDS = frozenset(
    {"object_id", "object_id_type", "object_id_field", "internal_id", "name", "description"}
    | {"object_detail"}
)
ATTRIBUTES = frozenset({"object", "position", "session_id", "user_id"})

Fields = Mapping[str, Any]


def read_ubi(paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally) -> Feedback:
    """Return the searches of some exports; raise InputError for a file that can't be read."""
    queries: dict[str, list[Row]] = defaultdict(list)
    events: dict[str, list[Row]] = defaultdict(list)
    for path in paths:
        for row in read_rows(path, tally):
            sort_row(row, queries, events, tally)
    for query_id, rows in events.items():
        for row in rows if query_id not in queries else ():
            tally.skip_row("events whose query is in none of the files", row)
    return Feedback(
        [
            to_search(joined(pages), events.get(query_id, []), people, library, tally)
            for query_id, pages in queries.items()
        ]
    )


def sort_row(
    row: Row, queries: dict[str, list[Row]], events: dict[str, list[Row]], tally: Tally
) -> None:
    """Add a row to the queries or the events; count the reason if it is unusable."""
    fields = row.fields
    query_id = text_of(fields.get("query_id"))
    if "action_name" in fields:
        tally.rows["events"] += 1
        take_event(row, query_id, events, tally)
    elif "user_query" not in fields:
        tally.skip_row("rows that are neither a query nor an event", row)
    elif not query_id:
        tally.skip_row("queries without a query_id", row)
    elif any(same_row(page.fields, fields) for page in queries.get(query_id, ())):
        tally.skip_row("duplicate queries", row)
    elif any(question_of(page) != question_of(row) for page in queries.get(query_id, ())):
        tally.skip_row("queries whose query_id belongs to another question", row)
    else:
        tally.rows["queries"] += 1
        tally.note_unknown(fields, QUERY_FIELDS)
        queries[query_id].append(row)


def take_event(row: Row, query_id: str, events: dict[str, list[Row]], tally: Tally) -> None:
    """Add an event of a query; count the reason if it says nothing about a source."""
    fields = row.fields
    tally.note_unknown(fields, EVENT_FIELDS)
    attributes = fields.get("event_attributes")
    tally.note_unknown(attributes, ATTRIBUTES, "event_attributes.")
    tally.note_unknown(clicked_object(fields), OBJECT_FIELDS, "event_attributes.object.")
    action = text_of(fields.get("action_name"))
    if action not in (*PICKING, *SEEING):
        tally.skip_row(f"events of the action {action!r}, which is no pick", row)
    elif not query_id:
        tally.skip_row("events without a query_id", row)
    elif not object_ids(fields):
        tally.skip_row("events without an object_id", row)
    else:
        events[query_id].append(row)


def same_row(first: Fields, second: Fields) -> bool:
    """Return whether two rows log the same query, ignoring their ids in the index."""
    names = ("user_query", "timestamp", "query_response_hit_ids")
    return all(first.get(name) == second.get(name) for name in names)


def question_of(row: Row) -> str:
    """Return what a row of a query asks."""
    return text_of(row.fields.get("user_query"))


def joined(pages: Sequence[Row]) -> Row:
    """Return the pages of a search as one row, with the hits of the earliest page first.

    A page without a time follows the page before it.
    """
    if len(pages) == 1:
        return pages[0]
    ordered = in_order(pages, time_of)
    hits = [hit for page in ordered for hit in hit_ids(page.fields)]
    return ordered[0]._replace(fields={**ordered[0].fields, "query_response_hit_ids": hits})


def time_of(page: Row) -> float | None:
    """Return the seconds since 1970 at which a page was shown; None if it does not say."""
    time = page.fields.get("timestamp")
    return moment(time) if utc_time(time) else None


def hit_ids(query: Fields) -> list[Any]:
    """Return the ids of the documents that a query's row names as shown."""
    hits = query.get("query_response_hit_ids")
    return hits if isinstance(hits, list) else [hits] if isinstance(hits, str) else []


def to_search(
    row: Row, events: Sequence[Row], people: Pseudonyms, library: Library, tally: Tally
) -> Search:
    """Return a query and its events as a search."""
    fields = row.fields
    shown = distinct(map(library.complete, shown_documents(fields, [e.fields for e in events])))
    urls = ShownUrls(shown)
    spellings = {document.url: document.url for document in shown}
    for key in (key for event in events for key in object_ids(event.fields)):
        if url := urls.find(library.complete(Document(key)).url):
            spellings[key] = url
    query_id = text_of(fields["query_id"])
    return Search(
        id=record_id("ubi", query_id),
        query=question_of(row),
        time=utc_time(fields.get("timestamp")),
        session=session_of(fields, people),
        shown=shown,
        picks=picked_urls(events, spellings, tally),
        row=row,
    )


def shown_documents(query: Fields, events: Sequence[Fields]) -> list[Document]:
    """Return the documents that a query showed, in order, with the titles that events give."""
    named = {key: to_document(event) for event in events for key in object_ids(event)}
    if hits := hit_ids(query):
        ids = map(text_of, hits)
        return [named.get(hit, Document(hit))._replace(url=hit) for hit in ids]
    places = [(ordinal(event), to_document(event)) for event in events]
    if any(place is None for place, _ in places):
        return []
    return [document for _, document in sorted(places, key=lambda item: item[0] or 0)]


def picked_urls(events: Iterable[Row], spellings: Mapping[str, str], tally: Tally) -> list[str]:
    """Return the picked URLs, ordered by the strongest action, then by the earliest.

    A click on a source that was not shown is counted as unused; its id may be of another field.
    """
    ranked = []
    for row in events:
        action = text_of(row.fields.get("action_name"))
        urls = [spellings[key] for key in object_ids(row.fields) if key in spellings]
        if action in PICKING and urls:
            ranked.append((-PICKING[action], moment(row.fields.get("timestamp")), urls[0]))
        elif action in PICKING and spellings:
            tally.skip_row("clicks on a source that was not shown", row)
    return [*dict.fromkeys(url for _, _, url in sorted(ranked))]


def clicked_object(event: Fields) -> Fields:
    """Return the object of an event; an empty one if it has none."""
    attributes = event.get("event_attributes")
    value = attributes.get("object") if isinstance(attributes, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def object_ids(event: Fields) -> list[str]:
    """Return the ids of an event's object: object_id and internal_id."""
    clicked = clicked_object(event)
    ids = (text_of(clicked.get(name)) for name in ("object_id", "internal_id"))
    return [each for each in ids if each]


def to_document(event: Fields) -> Document:
    """Return the object of an event as a document."""
    clicked = clicked_object(event)
    texts = (text_of(clicked.get(name)) for name in ("name", "description"))
    return Document((object_ids(event) or [""])[0], *texts)


def ordinal(event: Fields) -> int | None:
    """Return the position of an event's object on the page; None if it is not logged."""
    attributes = event.get("event_attributes")
    position = attributes.get("position") if isinstance(attributes, Mapping) else None
    value = position.get("ordinal") if isinstance(position, Mapping) else None
    if isinstance(value, Mapping):  # as in versions before 1.2
        value = value.get("index")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def session_of(query: Fields, people: Pseudonyms) -> str:
    """Return the pseudonym of a query's session, or else of its client or user."""
    levels = [query, query.get("query_attributes")]
    for name in ("session_id", "client_id", "user_id"):
        ids = (text_of(level.get(name)) for level in levels if isinstance(level, Mapping))
        if value := next(filter(None, ids), ""):
            return people.name(name, value)
    return ""

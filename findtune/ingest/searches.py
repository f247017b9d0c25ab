"""Searches: reads a question, the queries that were searched for it, and the documents picked.

Read from data/training_data/query_rewriting_training_data*.json, key query_rewriting_data.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from findtune.core.records import Record
from findtune.ingest.documents import (
    DocumentsByUrl,
    add_document,
    clean_documents,
    clean_urls,
    drop_unknown_urls,
    shorten_documents,
)
from findtune.ingest.fields import (
    clean_history,
    clean_query,
    clean_topic,
    identity_fields,
    optional_list,
    origin_fields,
    require_pick,
    required_query,
)
from findtune.ingest.list_numbers import FIRST_MARKS, strip_marks
from findtune.ingest.missing_fields import name_keys
from findtune.ingest.record_ids import asker_fields, plain_name
from findtune.ingest.report import RecordError, RecordReport, wrong_type
from findtune.ingest.search_forms import (
    QUERIES,
    SOURCES,
    first_value,
    named_searches,
    search_documents,
    unknown_list,
)
from findtune.ingest.wordings import query_key

MAPPING = "query_source_mapping"
SEARCH_KEYS = frozenset(map(plain_name, (*QUERIES, *SOURCES)))


class Search(NamedTuple):
    """A query and the documents that its search returned."""

    query: str
    documents: DocumentsByUrl


def clean_search_record(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean record, and the identity that duplicates share. Raises RecordError."""
    asked = record.get("original_query")
    asked = record.get("query") if asked is None else asked
    query = required_query(record, asked, "original_query", report)
    own = query_key(query)
    searches = without_numbers(clean_searches(record.get(MAPPING), report), own, report)
    selected = clean_selection(record, searches, report)
    searches.sort(  # that of the question itself first
        key=lambda search: search.query != query and query_key(search.query) != own
    )
    keep = set(selected)
    searches = [
        Search(query, shorten_documents(documents, keep, field=MAPPING, report=report))
        for query, documents in searches
    ]
    documents = [document for search in searches for document in search.documents.values()]
    report.count_documents(documents, picks=len(selected), searches=len(searches))
    rows = [{"query": search.query, "sources": [*search.documents.values()]} for search in searches]
    origin = origin_fields(record, report)
    urls = [[search.query, [*search.documents]] for search in searches]
    session = {"history": clean_history(record, report), "topic": clean_topic(record, report)}
    session |= asker_fields(record)
    clean = {"query": query, "selected": selected, "searches": rows, **session, **origin}
    identity = [*identity_fields(record, origin["timestamp"]), *session["history"]]
    return clean, [query, urls, selected, *identity]


def clean_selection(
    record: Mapping[str, Any], searches: list[Search], report: RecordReport
) -> list[str]:
    """Return the URLs that the user picked among all that the searches returned."""
    returned = {url for search in searches for url in search.documents}
    if not returned:
        cause = report.cause(MAPPING)
        reason = "no search returned a document"
        reason = f"{reason}: {cause.reason}" if cause else reason
        remedy = cause.remedy if cause else "leave out questions without a result"
        raise RecordError(MAPPING, "", reason=reason, remedy=remedy)
    selected = clean_urls(optional_list(record, "selected_sources"), "selected_sources", report)
    selected = drop_unknown_urls(selected, returned, field="selected_sources", report=report)
    require_pick(selected, record, "selected_sources", shown=returned, report=report)
    return selected


def clean_searches(mapping: object, report: RecordReport) -> list[Search]:
    """Return the searches of a record; bad ones are dropped, and equal queries are merged."""
    named = named_searches(mapping)
    if named is None:
        remedy = 'write {"a query": {"sources": [...]}}'
        raise wrong_type(MAPPING, mapping, expected="an object", remedy=remedy)
    searches: dict[str, Search] = {}
    for index, (name, entry) in enumerate(named):
        field = f"{MAPPING}[{index}]"
        try:
            search = clean_search(name, entry, field=field, report=report)
        except RecordError as error:
            report.drop(error)
            continue
        first = searches.setdefault(query_key(search.query), search)
        if first is not search:
            merge_search(search, first, field=field, report=report)
    return [*searches.values()]


def clean_search(name: str, entry: object, *, field: str, report: RecordReport) -> Search:
    """Return one search; where its query is missing, the name under which it is listed is used.

    A search that has a name may be just the list of its documents.
    """
    if isinstance(entry, (list, str)) and name:
        return Search(
            clean_query(name, f"{field}.query", report), clean_documents(entry, field, report)
        )
    if not isinstance(entry, dict):
        remedy = 'write {"query": ..., "sources": [...]}'
        raise wrong_type(field, entry, expected="a search", remedy=remedy)
    query = clean_query(written_query(entry, name, field), f"{field}.query", report)
    documents = search_documents(entry)
    if documents is None and (key := unknown_list(entry)):
        reason = f"a search without sources, but with a list under the key {ascii(key)}"
        raise RecordError(field, "", reason=reason, remedy="call the list sources")
    documents = [] if documents is None else documents
    return Search(query, clean_documents(documents, f"{field}.sources", report))


def written_query(entry: Mapping[str, Any], name: str, field: str) -> object:
    """Return the query of a search, or its name; raise RecordError if it has neither."""
    query = first_value(entry, QUERIES)
    if query is None and not name:
        keys = [key for key in entry if plain_name(key) not in SEARCH_KEYS]
        remedy = "write a query, or leave it out"
        error = wrong_type(f"{field}.query", None, expected="a query", remedy=remedy)
        raise name_keys(error, entry, keys, name="query")
    return query or name


def without_numbers(searches: list[Search], own: str, report: RecordReport) -> list[Search]:
    """Return searches without the numbers or bullets of the list in which a model wrote them.

    own: the key of the question, which people wrote. The list must begin with its first number:
    searches may ask for the 10. Klasse and the 11. Klasse.
    """
    written = [search.query for search in searches if query_key(search.query) != own]
    plain = strip_marks(written, first=FIRST_MARKS)
    if plain == written:
        return searches
    reason, remedy = "searches with the numbers of a list", "log what was searched"
    report.flag(RecordError(MAPPING, "", reason=reason, remedy=remedy))
    queries = dict(zip(written, plain, strict=True))
    merged: dict[str, Search] = {}
    for search in searches:
        search = search._replace(query=queries.get(search.query, search.query))
        first = merged.setdefault(query_key(search.query), search)
        if first is not search:
            merge_search(search, first, field=MAPPING, report=report)
    return [*merged.values()]


def merge_search(search: Search, first: Search, *, field: str, report: RecordReport) -> None:
    """Add the documents of a search to an earlier search of the same query."""
    reason, remedy = "the same query was searched twice", "its documents are merged"
    report.flag(RecordError(field, search.query, reason=reason, remedy=remedy))
    for document in search.documents.values():
        add_document(document, first.documents, report)

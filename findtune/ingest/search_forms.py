"""Finds the searches of a question and their documents in the forms in which programs log them.

Sources: SearXNG and Elasticsearch (results, hits in hits), SerpApi (organic_results), Bing (value),
LangChain (documents), and tables of two columns, such as query and URLs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from findtune.ingest.document_fields import find_field
from findtune.ingest.record_ids import plain_name
from findtune.ingest.written_lists import read_list

QUERIES = (
    *("query", "text", "rewrite", "search", "q", "search_query", "rewritten_query"),
    *("query_text", "search_term", "keywords"),
)
SOURCES = (
    *("sources", "results", "documents", "hits", "urls", "items", "docs", "search_results"),
    *("organic_results", "organic", "links", "value", "source_list"),
)
PLAIN_SOURCES = frozenset(map(plain_name, SOURCES))
MAX_DEPTH = 3  # of an unread list of documents that a message names
MAX_PATH_CHARS = 40  # of its keys
# How programs number the searches of a list, where they do not name what was searched.
PLACE = re.compile(r"(?:(?:query|search|rewrite|q)[\s_-]*)?(\d{1,3})", re.IGNORECASE)

Named = list[tuple[str, object]]  # the name under which a search is listed, and its value


def first_value(entry: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value under the first of some names that an entry has, in any case, or None."""
    for name in names:
        if (value := entry.get(name)) is not None:
            return value
    fields = {plain_name(key): value for key, value in entry.items()}
    return next(
        (fields[name] for name in map(plain_name, names) if fields.get(name) is not None), None
    )


def named_searches(mapping: object) -> Named | None:
    """Return the searches of a mapping or a list, each with its name; None for anything else."""
    mapping = read_list(mapping) if isinstance(mapping, str) else mapping
    if isinstance(mapping, dict):
        unnamed = are_places([*mapping])
        return [("" if unnamed else name, entry) for name, entry in mapping.items()]
    if not isinstance(mapping, list):
        return None
    return [search for entry in mapping for search in list_entry(entry)]


def are_places(names: Sequence[str]) -> bool:
    """Return whether names only number their searches: 0, 1, 2 or query_1, query_2."""
    matches = [*filter(None, map(PLACE.fullmatch, names))]
    numbers = [int(match[1]) for match in matches]
    first = numbers[0] if numbers else -1
    return first in (0, 1) and numbers == [*range(first, first + len(names))]


def list_entry(entry: object) -> Named:
    """Return the search in an item of a list: a row of two cells, or an object that names it."""
    if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str):  # noqa: PLR2004
        return [(entry[0], entry[1])]
    if isinstance(entry, dict) and len(entry) == 1:
        [(name, inner)] = entry.items()
        if plain_name(name) not in map(plain_name, (*QUERIES, *SOURCES)) and isinstance(
            inner, (dict, list)
        ):
            return [(name, inner)]
    return [("", entry)]


def search_documents(entry: Mapping[str, Any]) -> Any:
    """Return the documents of a search as they are written; None if it has none.

    An object in place of a list is one document, or has addresses as keys: {URL: title} or
    {URL: {title: ..., ...}}, or has the list under a usual name. One that only counts hits gives
    None; any other is returned as it is.
    """
    documents = first_value(entry, SOURCES)
    if documents is None and entry and all("://" in key for key in entry):
        documents = entry
    if not isinstance(documents, dict) or not documents:
        return documents
    inner = first_value(documents, SOURCES)
    if has_address(documents) and (inner is None or has_text(documents)) and not has_found(inner):
        return [documents]
    if inner is not None:
        return listed_documents(inner)
    values = documents.values()
    if all(map(is_address, documents)) or all(map(is_document, values)):
        return [with_address(url, value) for url, value in documents.items()]
    return documents if any(map(may_hold_documents, values)) or unknown_list(documents) else None


def listed_documents(value: object) -> Any:
    """Return the documents of a list that may be written as an object, as `search_documents`."""
    return search_documents({SOURCES[0]: value}) if isinstance(value, dict) else value


def is_address(key: str) -> bool:
    """Return whether a key is the address of a document, and not the name of a field."""
    return "/" in key or ":" in key


def has_found(items: object) -> bool:
    """Return whether a value is a list of documents, and not of the links of a document."""
    items = items if isinstance(items, list) else []
    return any(isinstance(item, dict) and has_address(item) for item in items)


def is_document(item: object) -> bool:
    """Return whether an item is an object with an address, a title or a snippet."""
    return has_text(item) or (isinstance(item, dict) and has_address(item))


def may_hold_documents(value: object) -> bool:
    """Return whether a value is a text or a list, or an object with documents in it."""
    if isinstance(value, dict):
        return has_found(first_value(value, SOURCES))
    return isinstance(value, (str, list)) and bool(value)


def has_text(item: object) -> bool:
    """Return whether an item is an object with a title or a snippet."""
    return isinstance(item, dict) and any(
        isinstance(find_field(item, field)[1], str) for field in ("title", "snippet")
    )


def with_address(url: str, value: object) -> dict[str, Any]:
    """Return a document whose address is the key of its title or of its fields."""
    return {"url": url, **value} if isinstance(value, dict) else {"url": url, "title": value}


def unknown_list(entry: Mapping[str, Any]) -> str:
    """Return the key of a list in an object that seems to hold documents; "" for none.

    A list that is deeper has a path of keys: response.docs. Usual names come first.
    """
    return next(list_paths(entry), "")[:MAX_PATH_CHARS]


def list_paths(entry: Mapping[str, Any], depth: int = 1) -> Iterator[str]:
    """Yield the paths of the lists in an object that seem to hold documents.

    Deeper ones need a usual name, a URL or a text, as facets and groups have ids too.
    """
    keys = sorted(entry, key=lambda key: plain_name(key) not in PLAIN_SOURCES)
    for key in keys:
        is_usual = depth == 1 or plain_name(key) in PLAIN_SOURCES
        items = entry[key] if isinstance(entry[key], list) else []
        if any(has_address(item) and (is_usual or is_page(item)) for item in items):
            yield key
    for key in keys:
        if isinstance(inner := entry[key], dict) and depth < MAX_DEPTH:
            yield from (f"{key}.{path}" for path in list_paths(inner, depth + 1))


def is_page(item: object) -> bool:
    """Return whether an item of a list is a URL, or an object with a URL or a text."""
    url = find_field(item, "url")[1] if isinstance(item, dict) else item
    return has_text(item) or (isinstance(url, str) and "://" in url)


def has_address(item: object) -> bool:
    """Return whether an item of a list is a URL, or an object with an address."""
    if isinstance(item, dict):
        return isinstance(find_field(item, "url")[1], str)
    return isinstance(item, str) and "://" in item

"""The names that other programs give to the address, the title and the passage of a document.

Sources: SearXNG (content), LangChain (page_content, pageContent, metadata), Elasticsearch (_id),
RSS and Bing (description, link), BEIR (_id, text), Haystack (content), Algolia (objectID).
"""

from collections.abc import Iterator, Mapping
from typing import Any

NAMES = {
    "url": (
        "url",
        "link",
        "href",
        "uri",
        "id",
        "_id",
        "doc_id",
        "docid",
        "document_id",
        "objectid",
    ),
    "title": ("title", "name", "headline", "heading"),
    "snippet": (
        "snippet",
        "text",
        "content",
        "description",
        "passage",
        "body",
        "page_content",
        "pagecontent",
        "excerpt",
        "summary",
        "abstract",
        "chunk",
    ),
}
KNOWN = frozenset(name for names in NAMES.values() for name in names)
NESTED = "metadata"  # LangChain keeps the address and the title there
# Fields of a source that are about its search and not about its content.
OTHERS = frozenset({"query", "query_used", "reasoning", "reason", "rewrite", "thumbnail", "image"})
MIN_BLANKS = 5  # in a text that may be a passage


def find_field(item: Mapping[str, Any], field: str) -> tuple[str, object]:
    """Return the name and the value of a field of a document, under the first name it has.

    An empty value counts as none where another name has one.
    """
    if (value := item.get(field)) not in (None, ""):
        return field, value
    found = [*other_names(item, field)]
    return found[0] if found else (field, value)


def other_names(item: Mapping[str, Any], field: str) -> Iterator[tuple[str, object]]:
    """Yield the other names of a field that hold a text, in any case, the usual ones first."""
    nested = item.get(NESTED)
    for level in (item, nested if isinstance(nested, dict) else {}):
        lower = {key.lower(): value for key, value in level.items()}
        for name in NAMES[field]:
            value = lower.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and field == "url":
                value = str(value) if name != field else None
            if isinstance(value, str) and value.strip():
                yield name, value


def unknown_passage(item: Mapping[str, Any]) -> str:
    """Return the key of an unknown field that may hold a passage; "" if there is none."""
    for key, value in item.items():
        if isinstance(value, str) and value.count(" ") >= MIN_BLANKS:
            name = key.lower()
            if name not in KNOWN and name not in OTHERS:
                return key
    return ""

"""Finds the address, title and passage of a document under the names other programs give them.

So exports of search engines and vector stores can be read as they are. Sources: SearXNG (content),
LangChain (page_content, pageContent, metadata), Elasticsearch (_id, _source), RSS and Bing
(description, link), BEIR (_id, text), Haystack (content), Algolia (objectID), Google (htmlSnippet),
Tavily (raw_content), Chroma (document), Qdrant (payload), Weaviate (properties), Vespa (fields),
LlamaIndex (node), and Solr, whose fields are lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from findtune.core.text import UNSPACED
from findtune.ingest.record_ids import plain_name

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
        "$oid",
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
        "excerpt",
        "summary",
        "abstract",
        "chunk",
        "extract",
        "raw_content",
        "html_snippet",
        "highlights",
        "highlight",
        "document",
        "passage_text",
        "contents",
        "chunk_text",
        "chunks",
    ),
}
KNOWN = frozenset(plain_name(name) for names in NAMES.values() for name in names)
# Where stores of vectors and search engines keep the fields of a document.
NESTED = ("metadata", "_source", "payload", "properties", "fields", "node", "document")
IN_METADATA = ("source", "file_path", "filepath")  # addresses; elsewhere a source is a publisher
# What holds the text of a field that is an object.
TEXT_KEYS = ("text", "content", "value", "$oid")
# Fields of a source that are about its search and not about its content.
OTHERS = frozenset({"query", "query_used", "reasoning", "reason", "rewrite", "thumbnail", "image"})
MIN_BLANKS = 5  # in a text that may be a passage
MIN_UNSPACED = 10  # letters in a row, in a passage of a script without spaces


def find_field(item: Mapping[str, Any], field: str) -> tuple[str, object]:
    """Return the name and the value of a field of a document, under the first name it has.

    An empty value counts as missing if another name has a value.
    """
    value = item.get(field)
    if type(value) is str and value:  # as nearly always
        return field, value
    if (value := plain_value(value, field)) not in (None, ""):
        return field, value
    found = [*other_names(item, field)]
    return found[0] if found else (field, value)


def plain_value(value: object, field: str) -> object:
    """Return the value of a field that may be written as a list of texts, or as an object.

    Of several addresses the first one counts; other texts are joined.
    """
    if isinstance(value, dict):
        texts = (plain_list(value[key], field) for key in TEXT_KEYS if key in value)
        return next((text for text in texts if isinstance(text, str)), value)
    return plain_list(value, field)


def plain_list(value: object, field: str) -> object:
    """Return the text of a list of texts, or of objects that each have one; else the value."""
    if not isinstance(value, list):
        return value
    parts = [plain_value(part, field) if isinstance(part, dict) else part for part in value]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        return value
    return texts[0] if texts and field == "url" else " ".join(texts)


def other_names(item: Mapping[str, Any], field: str) -> Iterator[tuple[str, object]]:
    """Yield the names of a field, in any case, that hold a text, and the text; usual ones first."""
    for level, names in levels(item, NAMES[field]):
        lower = {plain_name(key): (key.lower(), value) for key, value in level.items()}
        for name in names:
            if (plain := plain_name(name)) not in lower:
                continue
            written, value = lower[plain]
            value = plain_value(value, field)
            if field == "url" and (number := number_as_id(value)):
                value = number if written != field else None
            if isinstance(value, str) and value.strip():
                yield written, value


def levels(
    item: Mapping[str, Any], names: Sequence[str]
) -> Iterator[tuple[Mapping[str, Any], Sequence[str]]]:
    """Yield a document and the objects in it that may hold its fields, with the names there."""
    yield item, names
    for key in NESTED:
        if isinstance(nested := item.get(key), dict):
            is_address = key == NESTED[0] and "url" in names
            yield from levels(nested, [*names, *IN_METADATA] if is_address else names)


def number_as_id(value: object) -> str:
    """Return a numeric id as text, the same for 17 and 17.0; "" for anything else."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value) if type(value) is int else ""


def unknown_passage(item: Mapping[str, Any]) -> str:
    """Return the key of an unread field that may hold a passage; "" if there is none.

    Its name is unknown, or its value is a list or an object in an unknown form.
    """
    for key, value in item.items():
        is_other = plain_name(key) not in KNOWN and key.lower() not in OTHERS
        is_form = key in NAMES["snippet"] and key not in NESTED and isinstance(value, (list, dict))
        if (is_other and is_passage(value)) or (is_form and value):
            return key
    return ""


def is_passage(value: object) -> bool:
    """Return whether a value is a text of several words, or a list with one.

    Solr's dynamic fields are lists, such as body_txt.
    """
    if isinstance(value, list):
        return any(map(is_passage, value))
    if not isinstance(value := plain_value(value, "snippet"), str):
        return False
    runs = () if value.isascii() else UNSPACED.finditer(value)
    return value.count(" ") >= MIN_BLANKS or any(len(run[0]) >= MIN_UNSPACED for run in runs)

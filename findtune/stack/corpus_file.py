"""Reads the documents that a stack searches, from a JSONL file or from dictionaries."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.retrieval.corpus import Corpus

FIELDS = ("url", "title", "text")
HALF_CHARACTER = re.compile("[\ud800-\udfff]")

Document = dict[str, str]


def read_documents(path: Path) -> list[Document]:
    """Return the documents of a JSONL file.

    Raises InputError, which names the line, for a line that is not a document.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; a corpus is a JSONL file of {expected()}.")
    return checked(parsed_lines(path))


def parsed_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each line's place, FILE:LINE, and its value."""
    with path.open(encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", parsed(line, f"{path}:{number}")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8; save it as UTF-8.") from None


def parsed(line: str, place: str) -> Any:
    """Return the value of a line of JSON."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}.") from None
    except RecursionError:
        raise InputError(f"{place} is not JSON that can be read: it is nested too deep.") from None


def given_documents(documents: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Return documents that a caller passed; raise InputError as `read_documents` does."""
    return checked((f"document {number}", row) for number, row in enumerate(documents, start=1))


def checked(rows: Iterable[tuple[str, Any]]) -> list[Document]:
    """Return the documents; raise InputError for a bad field or a repeated URL.

    rows: (place, value) pairs.
    """
    documents: dict[str, Document] = {}
    for place, row in rows:
        fields = [row.get(name) for name in FIELDS] if isinstance(row, Mapping) else [None]
        if not all(isinstance(value, str) for value in fields):
            raise InputError(f"{place} is not a document; it needs {expected()}, all texts.")
        if name := next((name for name in FIELDS if HALF_CHARACTER.search(row[name])), None):
            raise InputError(
                f"{place} has half a character (a lone surrogate, \\ud800 to \\udfff) in {name}, "
                "which no file can hold; remove it."
            )
        url = row["url"]
        if url in documents:
            raise InputError(f"{place} has the URL of an earlier document, {url}; keep one.")
        documents[url] = {name: row[name] for name in FIELDS}
    if not documents:
        raise InputError(f"the corpus is empty; it needs documents with {expected()}.")
    return list(documents.values())


def expected() -> str:
    """Return the form of a document, for messages."""
    return '{"url", "title", "text"}'


def as_corpus(documents: Iterable[Document]) -> Corpus:
    """Return documents as they are searched: title and text joined, as in training."""
    rows = list(documents)
    texts = {
        row["url"]: ". ".join(filter(None, (row["title"].rstrip(" ."), row["text"])))
        for row in rows
    }
    return Corpus(texts, {row["url"]: row["title"] for row in rows})

"""Titles and texts of documents, for exports that name documents only by id."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from findtune.importing.export_files import read_rows
from findtune.importing.tally import Tally
from findtune.ingest.addresses import normal_form
from findtune.ingest.document_fields import find_field


class Document(NamedTuple):
    """A source as it was shown; title and snippet may be empty.

    id: its name in the export, if that is not its url.
    """

    url: str
    title: str = ""
    snippet: str = ""
    id: str = ""


class Library:
    """Documents by id, which give the ids in an export their URLs, titles and texts.

    missing: the ids and URLs of documents that still lack a title or a text.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, Document] = {}
        self.missing: set[str] = set()

    def read(self, path: Path, tally: Tally) -> None:
        """Add the documents of a file: a corpus, or an export of the search index."""
        for row in read_rows(path, tally):
            document = to_document(row.fields)
            if not document.url:
                tally.skip_row("documents without a url or an id", row)
                continue
            tally.rows["documents"] += 1
            self.by_id.update(dict.fromkeys(ids_of(row.fields, document), document))

    def add(self, name: str, document: Document) -> None:
        """Add a document under a name; fields that are already known stay."""
        known = self.by_id.get(name, document)
        title, snippet = known.title or document.title, known.snippet or document.snippet
        self.by_id[name] = Document(known.url, title, snippet)

    def complete(self, shown: Document) -> Document:
        """Return a document with the URL of its id, and its missing title and text if known."""
        known = self.by_id.get(shown.url, shown)
        title, snippet = shown.title or known.title, shown.snippet or known.snippet
        if shown.url and not (title and snippet):
            self.missing.add(shown.url)
        return Document(known.url, title, snippet, shown.url if shown.url != known.url else "")


class ShownUrls:
    """The URLs of the documents that a search showed, found by any spelling that ingest reads."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.urls = dict.fromkeys(document.url for document in documents)

    @cached_property
    def by_form(self) -> dict[str, str]:
        """The first URL of each normal form."""
        return {normal_form(url): url for url in reversed(self.urls)}

    def find(self, url: str) -> str:
        """Return the URL as it was shown; "" if it was not shown."""
        return url if not url or url in self.urls else self.by_form.get(normal_form(url), "")


def ids_of(fields: Mapping[str, Any], document: Document) -> set[str]:
    """Return the names of a document in its row: its ids and its URL."""
    names = ("url", "_id", "id", "object_id", "doc_id")
    return {*(text_of(fields.get(name)) for name in names), document.url} - {""}


def to_document(item: Any) -> Document:
    """Return a source of an export as a document; its url is empty if it has none."""
    if not isinstance(item, dict):
        return Document(text_of(item))
    url, title, snippet = (find_field(item, name)[1] for name in ("url", "title", "snippet"))
    return Document(text_of(url), text_of(title), text_of(snippet))


def text_of(value: object) -> str:
    """Return a text or a whole number as text; "" for anything else."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value).strip() if isinstance(value, str) or whole else ""


def distinct(documents: Iterable[Document]) -> list[Document]:
    """Return the documents that have a URL, the first of each URL."""
    by_url: dict[str, Document] = {}
    for document in documents:
        if document.url:
            by_url.setdefault(document.url, document)
    return [*by_url.values()]

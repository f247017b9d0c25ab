"""Titles and texts of documents, for exports that name documents by their ids alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from findtune.importing.export_files import read_rows
from findtune.importing.tally import Tally
from findtune.ingest.document_fields import find_field


class Document(NamedTuple):
    """A source as it was shown; title and snippet may be empty."""

    url: str
    title: str = ""
    snippet: str = ""


class Library:
    """Documents by id. An id in the export stands for the address that the library has for it."""

    def __init__(self) -> None:
        self.by_id: dict[str, Document] = {}

    def read(self, path: Path, tally: Tally) -> None:
        """Add the documents of a file: a corpus, or an export of the search index."""
        for row in read_rows(path, tally):
            document = to_document(row.fields)
            if not document.url:
                tally.skip_row("documents without a url or an id", row)
                continue
            tally.rows["documents"] += 1
            names = ("url", "_id", "id", "object_id", "doc_id")
            ids = {text_of(row.fields.get(name)) for name in names} - {""}
            self.by_id.update(dict.fromkeys([*ids, document.url], document))

    def complete(self, shown: Document) -> Document:
        """Return a document with the title and the text that it lacks."""
        known = self.by_id.get(shown.url)
        if known is None:
            return shown
        return Document(known.url, shown.title or known.title, shown.snippet or known.snippet)


def to_document(item: Any) -> Document:
    """Return a source of an export under our names; one without an address has an empty one."""
    if not isinstance(item, dict):
        return Document(text_of(item))
    url, title, snippet = (find_field(item, name)[1] for name in Document._fields)
    return Document(text_of(url), text_of(title), text_of(snippet))


def text_of(value: object) -> str:
    """Return a text or a whole number as text; "" for anything else."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value).strip() if isinstance(value, str) or whole else ""


def distinct(documents: Iterable[Document]) -> list[Document]:
    """Return the documents that have an address, each address once."""
    by_url: dict[str, Document] = {}
    for document in documents:
        if document.url:
            by_url.setdefault(document.url, document)
    return [*by_url.values()]

"""The documents that a trace shows, each under every name that its fields give it.

LangChain gives a document an id beside the address in its metadata; scores and answers use either.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from findtune.importing.documents import Document, Library, text_of, to_document
from findtune.ingest.addresses import normal_form
from findtune.ingest.document_fields import find_field, other_names

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
PLACE = re.compile(r"[./]")  # in addresses and paths, but not in words and numbers


class NamedDocuments:
    """Documents in order, each URL once.

    names: all names of each URL, which picks may use. cited_as: those that answers may use.
    """

    def __init__(self, items: Iterable[Any], library: Library) -> None:
        self.by_url: dict[str, Document] = {}
        self.names: dict[str, set[str]] = defaultdict(set)
        self.cited_as: dict[str, set[str]] = defaultdict(set)
        for item in items:
            if names := names_of(item):
                document = to_named(item, names, library)
                self.by_url.setdefault(document.url, document)
                self.names[document.url] |= {document.url, *names}
                places = filter(PLACE.search, names)
                self.cited_as[document.url] |= {document.url, names[0], *places}

    @property
    def documents(self) -> list[Document]:
        """The documents, the first of each URL."""
        return [*self.by_url.values()]

    def find(self, name: str) -> list[str]:
        """Return the URLs of the documents with a name, in any spelling that ingest reads.

        They may be several: passages of one page, each with its id.
        """
        if not name:
            return []
        if exact := [url for url, names in self.names.items() if name in names]:
            return exact
        form = normal_form(name)
        return [url for url, names in self.names.items() if form in map(normal_form, names)]


def names_of(item: Any) -> list[str]:
    """Return the names of a document: the one that ingest would take, then the others.

    A number counts only as the first one, since a score may be a number, too.
    """
    if not isinstance(item, Mapping):
        return [*filter(None, [text_of(item)])]
    first = text_of(find_field(item, "url")[1])
    others = [text_of(value) for _, value in other_names(item, "url")]
    names = [first, *(name for name in others if not name.isdecimal())]
    return [*dict.fromkeys(filter(None, names))] if first else []


def to_named(item: Any, names: list[str], library: Library) -> Document:
    """Return a document, whose URL is an address in its fields rather than a bare id.

    If the corpus or earlier feedback has it under its id, the id stays its URL.
    """
    document, first = to_document(item), names[0]
    url = address_of(item, names)
    if url == first:
        return library.complete(document)
    library.missing |= {url, first}
    known = next((name for name in (url, first) if name in library.by_id), url)
    completed = library.complete(document._replace(url=known))
    return completed._replace(id=first if completed.url != first else "")


def address_of(item: Any, names: list[str]) -> str:
    """Return the first name of a document, or an address if the first name is just its id."""
    is_id = isinstance(item, Mapping) and find_field(item, "url")[0].lower().endswith("id")
    if not is_id or ADDRESS.match(names[0]):
        return names[0]
    return next(filter(ADDRESS.match, names), names[0])

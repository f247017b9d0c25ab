"""The rewriter's corpus: the documents that are searched, of which a log has millions.

The corpus takes documents until it is full, and then only those that were picked in dev and test.
Fields that a document lacks are filled from later records. Documents are kept in a file; memory
holds only their hashes, and the documents that lack a field.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, NamedTuple

from findtune.core.files import atomic_open
from findtune.core.processes import ordered_map
from findtune.core.records import Record
from findtune.core.text import hash_64
from findtune.examples.hashes import HashSet, hash_set
from findtune.examples.questions import Questions, Row, Share
from findtune.examples.writing import ENCODER

FIELDS = ("title", "text")  # that a document may lack
LATER = "#"  # begins the line of a document that lacks a field; its hash follows


class Mention(NamedTuple):
    """A document as a record has it; required: whether even a full corpus takes it."""

    url: int  # its hash
    document: Record
    required: bool = False


class Corpus(AbstractContextManager["Corpus"]):
    """A corpus that grows; a context manager, which closes the scratch file."""

    def __init__(self, limit: int, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.limit = limit
        self.urls: set[int] = set()
        self.incomplete: dict[int, Record] = {}
        self.added_in: dict[str, int] = {}  # URL of an incomplete document -> number of its piece
        # Closed by __exit__; it has no name, so a kill leaves nothing behind.
        self.scratch: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder)  # noqa: SIM115

    def __exit__(self, *_: object) -> None:
        self.scratch.close()

    @property
    def is_full(self) -> bool:
        """Whether only required documents are added."""
        return len(self.urls) >= self.limit

    def add(self, mentions: Iterable[Mention], piece: int) -> None:
        """Add the documents that a piece of the log mentions, in order."""
        for url, document, required in mentions:
            if url in self.urls:
                self.complete(url, document)
            elif required or not self.is_full:
                self.urls.add(url)
                lacks = not all(document[name] for name in FIELDS)
                if lacks:
                    self.incomplete[url] = dict(document)
                    self.added_in[document["url"]] = piece
                self.scratch.write(f"{LATER}{url}\n" if lacks else f"{ENCODER.encode(document)}\n")

    def complete(self, url: int, document: Mapping[str, str]) -> None:
        """Fill only the fields that a document lacks."""
        if known := self.incomplete.get(url):
            fill(known, document)

    def write(self, path: Path) -> None:
        """Write all documents in the order in which they were added."""
        self.scratch.seek(0)
        with atomic_open(path) as file:
            for line in self.scratch:
                if line.startswith(LATER):
                    line = f"{ENCODER.encode(self.incomplete[int(line[1:])])}\n"
                file.write(line)


def collect_corpus(corpus: Corpus, documents: Iterable[Record], questions: Questions) -> HashSet:
    """Fill a corpus from the given documents, then from all records; return its URLs."""
    corpus.add((mention(document) for document in documents), -1)
    shares = [*enumerate(questions.shares)]
    while shares and not corpus.is_full:
        piece, share = shares.pop(0)
        corpus.add((each for row in questions.rows(share) for each in mentions(row)), piece)

    def required(numbered: tuple[int, Share]) -> tuple[int, list[Mention]]:
        return numbered[0], required_documents(questions.rows(numbered[1]))

    for piece, found in ordered_map(required, shares, questions.processes):
        corpus.add((each for each in found if each.url not in corpus.urls), piece)
    complete_corpus(corpus, shares, questions)
    return hash_set(corpus.urls)


def complete_corpus(
    corpus: Corpus, shares: Iterable[tuple[int, Share]], questions: Questions
) -> None:
    """Fill the fields that documents lack, from pieces of the log after the one that added them."""
    added_in = corpus.added_in  # can be sent to other machines, unlike the corpus

    def fields(numbered: tuple[int, Share]) -> list[Mention]:
        piece, share = numbered
        # by URL, since hashing the documents of all records would take most of the time
        return [
            mention(source)
            for row in questions.rows(share)
            for source in documents_of(row.record)
            if added_in.get(source["url"], piece) < piece
        ]

    if corpus.incomplete:
        for found in ordered_map(fields, shares, questions.processes):
            for each in found:
                corpus.complete(each.url, each.document)


def required_documents(rows: Iterable[Row]) -> list[Mention]:
    """Return the documents that a full corpus takes from a piece of the log, in order."""
    documents: dict[str, Record] = {}  # by URL, so that only required ones are hashed
    for row in rows:
        picks = held_out_picks(row)
        for source in documents_of(row.record):
            url = source["url"]
            if known := documents.get(url):
                fill(known, as_document(source))
            elif url in picks:
                documents[url] = as_document(source)
    return [Mention(hash_64(url), document, True) for url, document in documents.items()]


def mentions(row: Row) -> Iterator[Mention]:
    """Yield the documents of a record, in the order of its searches."""
    picks = held_out_picks(row)
    for source in documents_of(row.record):
        yield mention(source, required=source["url"] in picks)


def held_out_picks(row: Row) -> Set[str]:
    """Return the URLs picked in a record of dev or test, which the corpus needs; else none."""
    return frozenset() if row.split == "train" else {*row.record["selected"]}


def documents_of(record: Record) -> Iterator[Record]:
    """Yield the documents that the searches of a record found, as they are in the log."""
    return (source for search in record["searches"] for source in search["sources"])


def mention(source: Mapping[str, str], *, required: bool = False) -> Mention:
    """Return a document of the log with its hash."""
    return Mention(hash_64(source["url"]), as_document(source), required)


def as_document(source: Mapping[str, str]) -> Record:
    """Return a document as the corpus keeps it."""
    return {"text": source["snippet"], "title": source["title"], "url": source["url"]}


def fill(known: Record, document: Mapping[str, str]) -> None:
    """Fill only the fields that a document lacks."""
    known.update({name: value for name, value in document.items() if not known[name]})

"""A first pass over all ranked lists: what must be known before examples are written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from findtune.core.processes import ordered_map
from findtune.core.records import Record
from findtune.core.text import hash_64
from findtune.examples.hashes import HashSet, hash_set
from findtune.examples.questions import Questions, Row

MIN_LISTS = 20  # with fewer, their order is not judged
MIN_PICKS_FIRST = 0.95  # share of lists that no log in its shown order reaches
MAX_TRAIN_DOCUMENTS = 5000  # as the source of random negatives and title lists


@dataclass
class Survey:
    """What train shows, in the whole file or in a piece of it.

    train_urls: hashes of the URLs of all documents in train. train_documents: hash of the URL ->
    document, for a sample of them. lists, picks_first: the number of lists, and of those whose
    picks stand before all other documents.
    """

    train_urls: HashSet = field(default_factory=lambda: hash_set(()))
    train_documents: Mapping[int, Record] = field(default_factory=dict)
    lists: int = 0
    picks_first: int = 0

    @property
    def order_unknown(self) -> bool:
        """Whether so many lists begin with their picks that users can't have seen this order."""
        return self.lists >= MIN_LISTS and self.picks_first >= MIN_PICKS_FIRST * self.lists


def survey_file(questions: Questions) -> Survey:
    """Return the survey of all clean lists."""
    parts = ordered_map(
        lambda share: survey_rows(questions.rows(share)), questions.shares, questions.processes
    )
    return merge(parts)


def survey_rows(rows: Iterable[Row]) -> Survey:
    """Return the survey of some clean lists."""
    survey = Survey()
    documents: dict[str, Record] = {}  # by URL, so that each one is hashed once
    for ranked_list, split, _ in rows:
        survey.lists += 1
        survey.picks_first += has_picks_first(ranked_list)
        if split == "train":
            for document in ranked_list["sources"]:
                documents.setdefault(document["url"], document)
    hashed = {hash_64(url): document for url, document in documents.items()}
    survey.train_urls = hash_set(hashed)
    survey.train_documents = sample_documents(hashed)
    return survey


def merge(parts: Iterable[Survey]) -> Survey:
    """Return the survey of all parts; a document that several parts have comes from the first."""
    survey = Survey()
    documents: dict[int, Record] = {}
    urls = []
    for part in parts:
        survey.lists += part.lists
        survey.picks_first += part.picks_first
        urls.append(part.train_urls)
        for url, document in part.train_documents.items():
            documents.setdefault(url, document)
        documents = sample_documents(documents)
    survey.train_urls = HashSet.union(urls)
    survey.train_documents = documents
    return survey


def has_picks_first(ranked_list: Record) -> bool:
    """Return whether the picks of a list stand before its other documents, and it has others."""
    urls, picks = [source["url"] for source in ranked_list["sources"]], {*ranked_list["picks"]}
    return {*urls[: len(picks)]} == picks < {*urls}


def sample_documents(documents: dict[int, Record]) -> dict[int, Record]:
    """Return at most MAX_TRAIN_DOCUMENTS documents, in their order.

    They are chosen by the hash of their URLs, so that no day of a log is favoured.
    """
    if len(documents) <= MAX_TRAIN_DOCUMENTS:
        return documents
    kept = set(sorted(documents)[:MAX_TRAIN_DOCUMENTS])
    return {url: document for url, document in documents.items() if url in kept}

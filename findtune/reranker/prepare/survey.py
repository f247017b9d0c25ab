"""A first pass over all ranked lists, to learn what each split holds before any is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from findtune.core.records import Record
from findtune.core.text import hash_fraction, near_duplicate_key
from findtune.examples.splits import SPLITS, SplitShares, assign_split

MAX_TRAIN_DOCUMENTS = 5000  # from which random negatives and title lists are made

# Questions of a log seldom come back, so a cache would only fill the memory.
uncached_key = near_duplicate_key.__wrapped__


@dataclass
class Survey:
    """The questions of each split, as near-duplicate keys, and what train shows.

    train_urls: of all documents in train. train_documents: URL -> document, a sample of them.
    """

    questions: dict[str, set[str]] = field(
        default_factory=lambda: {split: set() for split in SPLITS}
    )
    train_urls: set[str] = field(default_factory=set)
    train_documents: dict[str, Record] = field(default_factory=dict)


def split_of(ranked_list: Record, shares: SplitShares) -> str:
    """Return the split of a list; near-duplicate questions of any user share a split."""
    return assign_split(uncached_key(ranked_list["query"]), shares)


def survey_lists(ranked_lists: Iterable[Record], shares: SplitShares) -> Survey:
    """Return the survey of all clean lists."""
    survey = Survey()
    for ranked_list in ranked_lists:
        split = split_of(ranked_list, shares)
        survey.questions[split].add(uncached_key(ranked_list["query"]))
        if split == "train":
            add_train_documents(survey, ranked_list["sources"])
    survey.train_documents = sample_documents(survey.train_documents)
    return survey


def add_train_documents(survey: Survey, documents: Iterable[Record]) -> None:
    """Add the documents of one list of train to a survey."""
    for document in documents:
        survey.train_urls.add(document["url"])
        survey.train_documents.setdefault(document["url"], document)
    if len(survey.train_documents) > 2 * MAX_TRAIN_DOCUMENTS:
        survey.train_documents = sample_documents(survey.train_documents)


def sample_documents(documents: dict[str, Record]) -> dict[str, Record]:
    """Return at most MAX_TRAIN_DOCUMENTS documents, in their order.

    The hash of the URL decides which, so that no day of a log is favoured.
    """
    if len(documents) <= MAX_TRAIN_DOCUMENTS:
        return documents
    kept = set(sorted(documents, key=hash_fraction)[:MAX_TRAIN_DOCUMENTS])
    return {url: document for url, document in documents.items() if url in kept}

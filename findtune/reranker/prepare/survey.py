"""A first pass over all ranked lists, to learn what each split holds before any is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.splits import SPLITS, SplitShares, assign_split
from findtune.examples.topics import Topics, topic_of

MAX_TRAIN_DOCUMENTS = 5000  # from which random negatives and title lists are made


@dataclass
class Survey:
    """The topics of each split, and what train shows.

    topics: of each question. questions: split -> its topics. train_urls: of all documents in
    train. train_documents: URL -> document, a sample of them.
    """

    topics: Topics
    questions: dict[str, set[str]] = field(
        default_factory=lambda: {split: set() for split in SPLITS}
    )
    train_urls: set[str] = field(default_factory=set)
    train_documents: dict[str, Record] = field(default_factory=dict)


def survey_lists(ranked_lists: Iterable[Record], topics: Topics, shares: SplitShares) -> Survey:
    """Return the survey of all clean lists; the questions of one topic share a split."""
    survey = Survey(topics)
    for ranked_list in ranked_lists:
        topic = topic_of(ranked_list, topics)
        split = assign_split(topic, shares)
        survey.questions[split].add(topic)
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

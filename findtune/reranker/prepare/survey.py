"""A first pass over all ranked lists, to learn what each split holds before any is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.groups import Groups
from findtune.examples.splits import SPLITS, SplitShares, assign_split
from findtune.examples.topics import Topics, topic_of

MIN_LISTS = 20  # from which on their order is judged
MIN_PICKS_FIRST = 0.95  # share of lists that no log of free choices reaches
MAX_TRAIN_DOCUMENTS = 5000  # from which random negatives and title lists are made


@dataclass
class Survey:
    """The topics of each split, and what train shows.

    topics: of each question. groups: of each record. questions: split -> its topics.
    train_urls: of all documents in train. train_documents: URL -> document, a sample of them.
    lists, picks_first: the number of lists, and of those whose picks stand before all others.
    """

    topics: Topics
    groups: Groups = field(default_factory=Groups)
    questions: dict[str, set[str]] = field(
        default_factory=lambda: {split: set() for split in SPLITS}
    )
    train_urls: set[str] = field(default_factory=set)
    train_documents: dict[str, Record] = field(default_factory=dict)
    lists: int = 0
    picks_first: int = 0

    @property
    def order_unknown(self) -> bool:
        """Whether the picks stand first in so many lists that the order is none of showing."""
        return self.lists >= MIN_LISTS and self.picks_first >= MIN_PICKS_FIRST * self.lists


def survey_lists(
    ranked_lists: Iterable[Record], topics: Topics, shares: SplitShares, groups: Groups
) -> Survey:
    """Return the survey of all clean lists; the questions of one topic share a split."""
    survey = Survey(topics, groups)
    for ranked_list in ranked_lists:
        topic = topic_of(ranked_list, topics)
        split = assign_split(topic, shares)
        survey.lists += 1
        survey.picks_first += has_picks_first(ranked_list)
        survey.questions[split].add(topic)
        if split == "train":
            add_train_documents(survey, ranked_list["sources"])
    survey.train_documents = sample_documents(survey.train_documents)
    return survey


def has_picks_first(ranked_list: Record) -> bool:
    """Return whether the picks of a list stand before all its other documents."""
    urls, picks = [source["url"] for source in ranked_list["sources"]], {*ranked_list["picks"]}
    return {*urls[: len(picks)]} == picks < {*urls}


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

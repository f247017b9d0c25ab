"""A first pass over the clean data: what must be known before the first example is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.examples.groups import Groups
from findtune.examples.splits import SPLITS, SplitShares, assign_split
from findtune.examples.topics import Topics, topic_of
from findtune.rewriter.prepare.gains import better_searches
from findtune.rewriter.prepare.settings import PrepareSettings
from findtune.rewriter.prepare.targets import question_key


@dataclass
class Survey:
    """What is known of all records.

    topics: of each question; shares: of the splits; groups: of each record. questions: split ->
    keys of its questions; picked: URLs that were picked in train; corpus: URL -> document;
    unbeaten: hash fractions of train's questions that no search beat.
    """

    topics: Topics
    shares: SplitShares
    groups: Groups = field(default_factory=Groups)
    questions: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in SPLITS})
    picked: set[str] = field(default_factory=set)
    corpus: dict[str, Record] = field(default_factory=dict)
    unbeaten: list[float] = field(default_factory=list)

    def add_record(self, record: Record, settings: PrepareSettings) -> None:
        """Add the question and the documents of a record of searches.

        What was picked for dev or test enters the corpus even when it is full.
        """
        split, picks = self.split_of(record), record["selected"]
        self.questions[split].add(question_key(record["query"]))
        if split == "train":
            self.picked.update(picks)
            if not better_searches(record, settings.gains):
                self.unbeaten.append(hash_fraction(record["query"]))
        required = set() if split == "train" else {*picks}
        for search in record["searches"]:
            for source in search["sources"]:
                limit = settings.max_corpus_documents
                self.add_document(source, limit, required=source["url"] in required)

    def split_of(self, record: Record) -> str:
        """Return the split of a record; the questions of one topic share a split."""
        return assign_split(topic_of(record, self.topics), self.shares)

    def group_of(self, record: Record) -> str:
        """Return a label that questions of one group share, from which no text can be read."""
        group = self.groups.group_of(record["record"], topic_of(record, self.topics))
        return f"{hash_fraction(group):.12f}"

    def add_document(self, source: Record, limit: int, *, required: bool = False) -> None:
        """Add a document unless the corpus is full; a known one only gets the fields it lacks."""
        document = {"url": source["url"], "title": source["title"], "text": source["snippet"]}
        known = self.corpus.get(source["url"])
        if known is not None:
            known.update({name: value for name, value in document.items() if not known[name]})
        elif required or len(self.corpus) < limit:
            self.corpus[source["url"]] = document


def survey_clean_data(
    records: Iterable[Record],
    documents: Iterable[Record],
    topics: Topics,
    settings: PrepareSettings,
    groups: Groups,
) -> Survey:
    """Return the survey of all records of searches; the corpus begins with `documents`."""
    survey = Survey(topics, settings.questions, groups)
    for document in documents:
        survey.add_document(document, settings.max_corpus_documents)
    for record in records:
        survey.add_record(record, settings)
    return survey

"""Topics: questions that ask for the same, so they must be in the same split.

Questions share a topic when they are near-duplicates, also in another spelling, when their records
name the same `topic`, or when people judged nearly the same documents relevant to them: judgments
are made per topic.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from findtune.core.records import Record
from findtune.core.text import loose_key, near_duplicate_key

MIN_SHARED = 3  # relevant documents that two questions of one topic have in common
MIN_OVERLAP = 0.5  # of the relevant documents of both, as a Jaccard index
TOPIC = "topic: "  # before a name; no near-duplicate key begins with it
MAX_QUESTIONS = 100  # per document; one relevant to more doesn't tell topics apart

# Questions of a log seldom repeat, so a cache would only fill the memory.
uncached_key = near_duplicate_key.__wrapped__
uncached_loose_key = loose_key.__wrapped__

# Near-duplicate key of a question -> its topic, if that is another key.
Topics = Mapping[str, str]
Qrels = Mapping[str, Mapping[str, int]]  # query -> URL -> grade


class Question(NamedTuple):
    """A question that may share a topic with another near-duplicate key.

    topic: the name of its topic, or ""; spelling: its loose key, or "" if that equals its key.
    """

    key: str
    topic: str
    query: str
    spelling: str


def find_topics(records: Iterable[Record], qrels: Qrels) -> dict[str, str]:
    """Return the topic of each question that shares one with another; others are their own topic.

    records: with `query`, and `topic` where it is known. A topic is named by the first name that
    its records give, else by the first of its keys; keys without accents come first.
    """
    relevant_keys = keys_with_relevant(qrels)
    spelled = ((record, *both_keys(record["query"])) for record in records)
    return connect((row for keyed in spelled for row in linked(*keyed, relevant_keys)), qrels)


def both_keys(query: str) -> tuple[str, str]:
    """Return the near-duplicate key of a question, and its loose key, usually the same."""
    key = uncached_key(query)
    return key, key if query.isascii() else uncached_loose_key(query)


def keys_with_relevant(qrels: Qrels) -> frozenset[str]:
    """Return the near-duplicate keys of the questions that have a relevant document."""
    return frozenset(
        uncached_key(query)
        for query, grades in qrels.items()
        if any(grade > 0 for grade in grades.values())
    )


def linked(record: Record, key: str, loose: str, relevant_keys: Set[str]) -> list[Question]:
    """Return the question of a record if it may share its topic with another key, or nothing."""
    topic, query = record.get("topic") or "", record["query"]
    if not topic and loose == key and key not in relevant_keys:
        return []
    return [Question(key, topic, query, "" if loose == key else loose)]


def connect(questions: Iterable[Question], qrels: Qrels) -> dict[str, str]:
    """Return the topic of each key that is not its own topic.

    questions: those that may share a topic, in the order of the records. A loose key is the key of
    the same question without accents, which need not occur.
    """
    relevant: dict[str, set[str]] = {}
    links: list[tuple[str, str]] = []
    names: set[str] = set()
    spellings: set[str] = set()
    for key, topic, query, spelling in questions:
        if topic:
            links.append((key, TOPIC + topic))
            names.add(TOPIC + topic)
        if spelling:
            links.append((key, spelling))
            spellings.add(spelling)
        grades = qrels.get(query, {})
        relevant.setdefault(key, {url for url, grade in grades.items() if grade > 0})
    # A topic must keep its name when questions are added, or old ones would change their split:
    # names come first, then loose keys, which are the keys of questions without accents.
    topics = components(
        [*sorted(names), *sorted(spellings), *sorted(relevant.keys() - spellings)],
        [*links, *same_judgments(relevant)],
    )
    return {key: topics[key] for key in topics if key not in names and key != topics[key]}


def topic_of(record: Record, topics: Topics) -> str:
    """Return the topic of a record's question."""
    key: str = uncached_key(record["query"])
    return topics.get(key, key)


def same_judgments(relevant: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return pairs of questions to which nearly the same documents are relevant."""
    questions: dict[str, list[str]] = defaultdict(list)
    for key, urls in relevant.items():
        for url in urls:
            questions[url].append(key)
    pairs = []
    for key, urls in relevant.items():
        lists = (questions[url] for url in urls if len(questions[url]) <= MAX_QUESTIONS)
        shared = Counter(other for others in lists for other in others if other < key)
        pairs += [
            (key, other)
            for other, number in shared.items()
            if number >= max(MIN_SHARED, MIN_OVERLAP * len(urls | relevant[other]))
        ]
    return pairs


def components(keys: Sequence[str], links: Sequence[tuple[str, str]]) -> Topics:
    """Return the first key of each key's connected component."""
    rows = {key: row for row, key in enumerate(keys)}
    pairs = np.array([[rows[key] for key in link] for link in links], dtype=int).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(keys),) * 2)
    _, labels = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    return {key: first.setdefault(int(label), key) for key, label in zip(keys, labels, strict=True)}

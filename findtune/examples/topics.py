"""Topics: questions that ask for the same, and so must lie on the same side of every split.

Questions share a topic when they are near-duplicates, also in another spelling, when their records
name the same `topic`, or when people judged nearly the same documents relevant to them: judgments
are made per topic.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from findtune.core.records import Record
from findtune.core.text import loose_key, near_duplicate_key

MIN_SHARED = 3  # relevant documents that two questions of one topic have in common
MIN_OVERLAP = 0.5  # of the relevant documents of both, as a Jaccard index
MAX_QUESTIONS = 100  # per document; one that is relevant to more tells no topics apart

# Questions of a log seldom come back, so a cache would only fill the memory.
uncached_key = near_duplicate_key.__wrapped__
uncached_loose_key = loose_key.__wrapped__

Topics = Mapping[str, str]  # near-duplicate key of a question -> its topic
Qrels = Mapping[str, Mapping[str, int]]  # query -> URL -> grade


def find_topics(records: Iterable[Record], qrels: Qrels) -> Topics:
    """Return the topic of each question; a question that shares none is its own topic.

    records: with `query`, and `topic` where it is known. A topic is the first of its keys in
    alphabetical order.
    """
    members: dict[str, set[str]] = defaultdict(set)  # what is shared -> keys of questions
    relevant: dict[str, set[str]] = {}
    for record in records:
        key = uncached_key(record["query"])
        members[f"spelled {uncached_loose_key(record['query'])}"].add(key)
        if record.get("topic"):
            members[f"topic {record['topic']}"].add(key)
        grades = qrels.get(record["query"], {})
        relevant.setdefault(key, {url for url, grade in grades.items() if grade > 0})
    links = [pair for keys in members.values() for pair in pairwise(sorted(keys))]
    return components(sorted(relevant), [*links, *same_judgments(relevant)])


def topic_of(record: Record, topics: Topics) -> str:
    """Return the topic of a record's question."""
    return topics[uncached_key(record["query"])]


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
    """Return the first key of each key's connected component; keys are sorted."""
    rows = {key: row for row, key in enumerate(keys)}
    pairs = np.array([[rows[key] for key in link] for link in links], dtype=int).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(keys),) * 2)
    _, labels = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    return {key: first.setdefault(int(label), key) for key, label in zip(keys, labels, strict=True)}

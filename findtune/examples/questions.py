"""The questions of a file of records: in one pass, the topic and the group of each, as hashes.

A log may have a million questions, so of each only two numbers stay in memory. Several processes
share the passes over a large file; each works on pieces of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.processes import (
    Piece,
    number_of_processes,
    ordered_map,
    pieces,
    read_piece,
)
from findtune.core.records import Record
from findtune.core.text import hash_64, position
from findtune.examples.groups import Asked, Groups, find_groups
from findtune.examples.splits import SplitShares, split_of_position
from findtune.examples.topics import (
    Qrels,
    Question,
    connect,
    keys_with_relevant,
    linked,
    uncached_key,
)

Array = np.ndarray


class Row(NamedTuple):
    """A record of a piece, its split, and a label that records of one group share."""

    record: Record
    split: str
    group: str


class Share(NamedTuple):
    """A piece of the file, and hashes of the keys, topics and groups of its records' questions."""

    piece: Piece
    keys: Array
    topics: Array
    groups: Array


class Questions(NamedTuple):
    """What is known of the questions of a file: its pieces with hashes, (records,) uint64.

    linked: hash of a key, or of a spelling that need not be there -> hash of its topic.
    """

    shares: Sequence[Share]
    split_shares: SplitShares
    processes: int
    linked: Mapping[int, int]

    def hashes_by_split(self) -> dict[str, Set[int]]:
        """Return the hashes of the near-duplicate keys of the questions of each split."""
        keys: dict[str, set[int]] = {"train": set(), "dev": set(), "test": set()}
        for share in self.shares:
            for key, topic in zip(share.keys.tolist(), share.topics.tolist(), strict=True):
                keys[split_of_position(position(topic), self.split_shares)].add(key)
        return {**keys}

    def held_out_keys(self) -> set[int]:
        """Return the hashes of the keys of the questions of dev and test, in all spellings."""
        keys = self.hashes_by_split()
        return {*keys["dev"], *keys["test"]} | {
            spelling
            for key, topic in self.linked.items()
            if split_of_position(position(topic), self.split_shares) != "train"
            for spelling in (key, topic)  # a topic is named by the spelling without accents
        }

    def rows(self, share: Share) -> Iterator[Row]:
        """Yield the records of a piece, in their order."""
        numbers = zip(share.topics.tolist(), share.groups.tolist(), strict=True)
        for record, (topic, group) in zip(read_piece(share.piece), numbers, strict=True):
            split = split_of_position(position(topic), self.split_shares)
            yield Row(record, split, f"{position(group):.12f}")

    def all_rows(self) -> Iterator[Row]:
        """Yield the records of all pieces, in their order."""
        for share in self.shares:
            yield from self.rows(share)


class FirstLook(NamedTuple):
    """What one pass over a piece finds.

    keys: hashes of the questions' near-duplicate keys. linked: questions that may share a topic
    with another key. asked: place, record, key and askers of each record that
    names its session or user.
    """

    keys: Array
    linked: Sequence[Question]
    asked: Sequence[tuple[int, str, str, tuple[str, ...]]]


def read_questions(path: Path, qrels: Qrels, split_shares: SplitShares) -> Questions:
    """Return what is known of the questions of a file of records."""
    processes = number_of_processes(path.stat().st_size)
    parts = pieces(path)
    look = partial(look_at, relevant_keys=keys_with_relevant(qrels))
    looks = [*ordered_map(look, parts, processes)]
    topics = connect((row for each in looks for row in each.linked), qrels)
    groups = groups_of(looks, topics, split_shares)
    keys = [look.keys for look in looks]
    rows = zip(parts, keys, *hashes(looks, topics, groups), strict=True)
    shares = [Share(*row) for row in rows]
    linked_keys = {hash_64(key): hash_64(topic) for key, topic in topics.items()}
    return Questions(shares, split_shares, processes, linked_keys)


def look_at(piece: Piece, relevant_keys: frozenset[str]) -> FirstLook:
    """Return what one pass over a piece finds."""
    keys, links, asked = [], [], []
    for place, record in enumerate(read_piece(piece)):
        key = uncached_key(record["query"])
        keys.append(hash_64(key))
        links += linked(record, key, relevant_keys)
        if record.get("asked_by"):
            asked.append((place, record["record"], key, tuple(record["asked_by"])))
    return FirstLook(np.array(keys, dtype=np.uint64), links, asked)


def groups_of(
    looks: Iterable[FirstLook], topics: dict[str, str], split_shares: SplitShares
) -> Groups:
    """Return the groups of the records that name their session or user."""
    return find_groups(
        [
            Asked(record, topic, askers, is_held_out(topic, split_shares))
            for look in looks
            for _, record, key, askers in look.asked
            for topic in [topics.get(key, key)]
        ]
    )


def is_held_out(topic: str, split_shares: SplitShares) -> bool:
    """Return whether a topic is in dev or test."""
    return split_of_position(position(hash_64(topic)), split_shares) != "train"


def hashes(
    looks: Sequence[FirstLook], topics: dict[str, str], groups: Groups
) -> tuple[list[Array], list[Array]]:
    """Return the hashes of the topics, and those of the groups, of each piece."""
    moved = {hash_64(key): hash_64(topic) for key, topic in topics.items()}
    named = {hash_64(topic): hash_64(group) for topic, group in groups.by_topic.items()}
    all_topics = [replaced(look.keys, moved) for look in looks]
    all_groups = [replaced(own, named) for own in all_topics]
    for look, grouped in zip(looks, all_groups, strict=True):
        for place, record, key, _ in look.asked:
            grouped[place] = hash_64(groups.group_of(record, topics.get(key, key)))
    return all_topics, all_groups


def replaced(numbers: Array, names: Mapping[int, int]) -> Array:
    """Return numbers of which some have other names."""
    if not names:
        return numbers.copy()
    return np.array([names.get(number, number) for number in numbers.tolist()], dtype=np.uint64)

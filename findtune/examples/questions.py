"""The questions of a file of records: in one pass, the topic and the group of each, as hashes.

A log may have a million questions, so only four numbers of each stay in memory. Several processes
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
from findtune.examples.hashes import HashSet
from findtune.examples.splits import SPLITS, SplitShares, split_of_position
from findtune.examples.topics import Qrels, Question, both_keys, connect, keys_with_relevant, linked

Array = np.ndarray


class Row(NamedTuple):
    """A record of a piece, its split, and the label of its group."""

    record: Record
    split: str
    group: str


class Share(NamedTuple):
    """A piece of the file, and four hashes of each of its records' questions.

    keys, spellings: near-duplicate and loose keys. topics decide splits; groups, intervals.
    """

    piece: Piece
    keys: Array
    spellings: Array
    topics: Array
    groups: Array


class Questions(NamedTuple):
    """What is known about the questions of a file: its pieces with hashes, (records,) uint64.

    linked: hash of a key, or of a loose key that need not occur as a key -> hash of its topic.
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
                keys[self.split_of(topic)].add(key)
        return {**keys}

    def spellings_by_split(self) -> dict[str, HashSet]:
        """Return the hashes of both keys of the questions of each split."""
        parts: dict[str, list[HashSet]] = {split: [] for split in SPLITS}
        for share in self.shares:
            splits = np.array([self.split_of(topic) for topic in share.topics.tolist()])
            for split in SPLITS:
                both = share.keys[splits == split], share.spellings[splits == split]
                parts[split] += map(HashSet, both)
        return {split: HashSet.union(sets) for split, sets in parts.items()}

    def split_of(self, topic: int) -> str:
        """Return the split of the hash of a topic."""
        return split_of_position(position(topic), self.split_shares)

    def held_out_keys(self) -> set[int]:
        """Return the hashes of the keys of the questions of dev and test, in all spellings."""
        keys = self.hashes_by_split()
        return {*keys["dev"], *keys["test"]} | {
            spelling
            for key, topic in self.linked.items()
            if self.split_of(topic) != "train"
            for spelling in (key, topic)  # a topic is named by the spelling without accents
        }

    def rows(self, share: Share) -> Iterator[Row]:
        """Yield the records of a piece, in their order."""
        numbers = zip(share.topics.tolist(), share.groups.tolist(), strict=True)
        for record, (topic, group) in zip(read_piece(share.piece), numbers, strict=True):
            yield Row(record, self.split_of(topic), f"{position(group):.12f}")

    def all_rows(self) -> Iterator[Row]:
        """Yield the records of all pieces, in their order."""
        for share in self.shares:
            yield from self.rows(share)


class FirstLook(NamedTuple):
    """What one pass over a piece finds.

    keys, spellings: hashes of the questions' near-duplicate and loose keys. linked: questions that
    may share a topic with another key. asked: place, record, key and askers of each record that
    names its session or user.
    """

    keys: Array
    spellings: Array
    linked: Sequence[Question]
    asked: Sequence[tuple[int, str, str, tuple[str, ...]]]


def read_questions(path: Path, qrels: Qrels, split_shares: SplitShares) -> Questions:
    """Return what is known about the questions of a file of records."""
    processes = number_of_processes(path.stat().st_size)
    parts = pieces(path)
    look = partial(look_at, relevant_keys=keys_with_relevant(qrels))
    looks = [*ordered_map(look, parts, processes)]
    topics = connect((row for each in looks for row in each.linked), qrels)
    groups = groups_of(looks, topics, split_shares)
    keys, spellings = ([getattr(look, name) for look in looks] for name in ("keys", "spellings"))
    rows = zip(parts, keys, spellings, *hashes(looks, topics, groups), strict=True)
    shares = [Share(*row) for row in rows]
    linked_keys = {hash_64(key): hash_64(topic) for key, topic in topics.items()}
    return Questions(shares, split_shares, processes, linked_keys)


def look_at(piece: Piece, relevant_keys: frozenset[str]) -> FirstLook:
    """Return what one pass over a piece finds."""
    hashes, links, asked = [], [], []
    for place, record in enumerate(read_piece(piece)):
        key, loose = both_keys(record["query"])
        number = hash_64(key)
        hashes.append((number, number if loose == key else hash_64(loose)))
        links += linked(record, key, loose, relevant_keys)
        if record.get("asked_by"):
            asked.append((place, record["record"], key, tuple(record["asked_by"])))
    keys, spellings = np.array(hashes, dtype=np.uint64).reshape(-1, 2).T
    return FirstLook(keys, spellings, links, asked)


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
    """Return a copy of numbers, with those in `names` replaced."""
    if not names:
        return numbers.copy()
    return np.array([names.get(number, number) for number in numbers.tolist()], dtype=np.uint64)

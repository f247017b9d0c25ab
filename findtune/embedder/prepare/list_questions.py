"""The questions of the ranked lists: in one pass, the split of each, as hashes.

A log may have a million lists, so of each only three numbers stay in memory, and the texts stay on
disk. Several processes share the passes over a large file; each works on pieces of it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.processes import Piece, number_of_processes, ordered_map, pieces, read_piece
from findtune.core.records import Record
from findtune.core.text import hash_64, loose_key, near_duplicate_key, position
from findtune.examples.groups import Asked, Groups, find_groups
from findtune.examples.hashes import HashSet
from findtune.examples.splits import SPLITS, SplitShares, split_of_position

Array = np.ndarray
Spelling = tuple[str, str]  # the near-duplicate key of a text, and its loose key

# Questions of a log seldom come back, so a cache would only fill the memory.
uncached_key = near_duplicate_key.__wrapped__
uncached_loose_key = loose_key.__wrapped__


class Share(NamedTuple):
    """A piece of the file with hashes of its lists, each (lists,), uint64.

    keys, spellings: of the near-duplicate and loose keys of the questions. topics: of the keys that
    decide the splits.
    """

    piece: Piece
    keys: Array
    spellings: Array
    topics: Array


class FirstLook(NamedTuple):
    """What one pass over a piece finds.

    hashes: of the near-duplicate and loose keys of the questions, and of what decides their splits,
    (lists, 4), uint64. spellings: keys of which the two differ. asked: the record, the keys and the
    askers of each list that names its session or user.
    """

    hashes: Array
    spellings: Set[Spelling]
    asked: Sequence[tuple[str, Spelling, tuple[str, ...]]]


class Topics(NamedTuple):
    """The key that decides the split of lists: of their topic, or else of their question.

    Questions that differ in spelling alone have one: the loose key of the first of them.
    first: hash of a near-duplicate key -> hash of that loose key, where the two may differ.
    names: hash of a loose key -> the key, where lists have it whose own loose key is another.
    """

    first: Mapping[int, int]
    names: Mapping[int, str]

    def name(self, spelling: Spelling) -> str:
        """Return the key that decides, for the two keys of a topic or a question."""
        key, loose = spelling
        own = hash_64(loose)
        first = self.first.get(hash_64(key), own)
        return loose if first == own else self.names[first]


class ListQuestions(NamedTuple):
    """What is known of the questions of a file of lists."""

    shares: Sequence[Share]
    split_shares: SplitShares
    processes: int
    topics: Topics
    groups: Groups

    def splits(self, share: Share) -> list[str]:
        """Return the splits of the lists of a piece."""
        return [self.split_of(topic) for topic in share.topics.tolist()]

    def split_of(self, topic: int) -> str:
        """Return the split of the hash of a topic."""
        return split_of_position(position(topic), self.split_shares)

    def group_of(self, ranked_list: Record) -> str:
        """Return what lists share that are not independent."""
        topic = self.topics.name(spelling_of(deciding_text(ranked_list)))
        return self.groups.group_of(ranked_list["record"], topic)

    def hashes_by_split(self) -> dict[str, HashSet]:
        """Return the hashes of both keys of the questions of each split."""
        parts: dict[str, list[Array]] = {split: [] for split in SPLITS}
        for share in self.shares:
            splits = np.array(self.splits(share))
            for split in SPLITS:
                parts[split] += [share.keys[splits == split], share.spellings[splits == split]]
        return {split: HashSet.union([*map(HashSet, arrays)]) for split, arrays in parts.items()}


def read_list_questions(path: Path | None, split_shares: SplitShares) -> ListQuestions:
    """Return what is known of the questions of clean ranked lists; path: None for no lists."""
    if path is None or not path.exists():
        return ListQuestions((), split_shares, 1, Topics({}, {}), Groups())
    processes, parts = number_of_processes(path.stat().st_size), pieces(path)
    looks = [*ordered_map(look_at, parts, processes)]
    topics = find_topics(looks)
    shares = [
        Share(piece, hashes[:, 0], hashes[:, 1], replaced(hashes[:, 2:], topics.first))
        for piece, hashes in zip(parts, (look.hashes for look in looks), strict=True)
    ]
    questions = ListQuestions(shares, split_shares, processes, topics, Groups())
    return questions._replace(groups=find_groups(all_asked(looks, questions)))


def look_at(piece: Piece) -> FirstLook:
    """Return what one pass over a piece finds."""
    hashes: list[tuple[int, ...]] = []
    asked = []
    differ: set[Spelling] = set()
    for ranked_list in read_piece(piece):
        query, text = ranked_list["query"], deciding_text(ranked_list)
        deciding = spelling_of(text)
        own = deciding if text == query else spelling_of(query)
        own_hashes = hash_both(own)
        hashes.append((*own_hashes, *(own_hashes if own is deciding else hash_both(deciding))))
        if deciding[0] != deciding[1]:
            differ.add(deciding)
        if askers := ranked_list.get("asked_by"):
            asked.append((ranked_list["record"], deciding, tuple(askers)))
    return FirstLook(np.array(hashes, dtype=np.uint64).reshape(-1, 4), differ, asked)


def deciding_text(ranked_list: Record) -> str:
    """Return the topic of a list, or else its question."""
    text: str = ranked_list.get("topic") or ranked_list["query"]
    return text


def spelling_of(text: str) -> Spelling:
    """Return the near-duplicate key and the loose key of a text."""
    key = uncached_key(text)
    return key, key if text.isascii() else uncached_loose_key(text)


def hash_both(spelling: Spelling) -> tuple[int, int]:
    """Return the hashes of two keys, which are mostly one."""
    key, loose = spelling
    number = hash_64(key)
    return number, number if loose == key else hash_64(loose)


def find_topics(looks: Sequence[FirstLook]) -> Topics:
    """Return the keys that decide the splits of lists, from looks at all pieces in their order."""
    spellings = set[Spelling]().union(*(look.spellings for look in looks))
    differ = np.array([hash_64(key) for key, _ in spellings], dtype=np.uint64)
    first: dict[int, int] = {}
    for look in looks:
        deciding = look.hashes[:, 2:]
        for key, loose in deciding[np.isin(deciding[:, 0], differ)].tolist():
            first.setdefault(key, loose)
    conflicts = {
        first[hash_64(key)] for key, loose in spellings if first[hash_64(key)] != hash_64(loose)
    }
    names = {hash_64(text): text for pair in spellings for text in pair}
    return Topics(first, {number: names[number] for number in conflicts})


def replaced(pairs: Array, first: Mapping[int, int]) -> Array:
    """Return the hashes of the keys that decide; pairs: of both keys of each list, (lists, 2)."""
    if not first:
        return pairs[:, 0].copy()
    return np.array([first.get(key, key) for key in pairs[:, 0].tolist()], dtype=np.uint64)


def all_asked(looks: Iterable[FirstLook], questions: ListQuestions) -> list[Asked]:
    """Return the lists that name their session or user."""
    named = (
        (record, questions.topics.name(spelling), askers)
        for look in looks
        for record, spelling, askers in look.asked
    )
    return [
        Asked(record, topic, askers, questions.split_of(hash_64(topic)) != "train")
        for record, topic, askers in named
    ]

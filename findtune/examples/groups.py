"""Groups: questions that are not independent, so intervals and tests draw them together.

Questions of one topic form a group, and so do the records of one session or user: a person who
asks twice does not count as two. Source: the cluster bootstrap (Field & Welsh 2007).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from findtune.core.records import Record
from findtune.examples.topics import components

MIN_CORE = 0.5  # share of a group's records that one topic, session or user has; else it is a chain
MAX_CHAIN = 0.1  # share of all records that a chain may hold together


class Asked(NamedTuple):
    """A record whose session or user is known; askers: hashes of these.

    is_held_out: whether it is in dev or test.
    """

    record: str
    topic: str
    askers: tuple[str, ...]
    is_held_out: bool = True


@dataclass(frozen=True)
class Groups:
    """The group of each topic, and of each record that is not in its topic's group."""

    by_topic: Mapping[str, str] = field(default_factory=dict)
    by_record: Mapping[str, str] = field(default_factory=dict)

    def group_of(self, record: str, topic: str) -> str:
        """Return the name of the group of a record; without sessions it is the topic."""
        return self.by_record.get(record) or self.by_topic.get(topic, topic)


def asked_records(
    records: Iterable[Record],
    topic_of: Callable[[Record], str],
    is_held_out: Callable[[str], bool] = lambda topic: True,
) -> list[Asked]:
    """Return the records that name their session or user.

    is_held_out: returns whether a topic is in dev or test.
    """
    named = ((record, topic_of(record)) for record in records if record.get("asked_by"))
    return [
        Asked(record["record"], topic, tuple(record["asked_by"]), is_held_out(topic))
        for record, topic in named
    ]


def find_groups(asked: Sequence[Asked]) -> Groups:
    """Return the groups of records whose session or user is known.

    Records that share a topic, session or user, directly or through others, form one group. In a
    busy log such chains may connect all records. A chain is cut if it has more than MAX_CHAIN of
    all records, and no topic, session or user has MIN_CORE of the records in the chain. Then each
    record of dev and test goes to its topic, session or user with the most held-out records;
    records of train do not count, since a topic lies in one split, a user in all, so users would
    outweigh every topic. Each record of train goes to its topic, since cross-fitting cuts train by
    group, and a question must not lie on both sides of a cut.
    """
    topics, askers = ({row.topic for row in asked}, {name for row in asked for name in row.askers})
    links = [(row.topic, asker) for row in asked for asker in row.askers]
    connected = components([*sorted(topics), *sorted(askers)], links)
    sizes = Counter(name for row in asked for name in {row.topic, *row.askers})
    held_out = Counter(
        name for row in asked if row.is_held_out for name in {row.topic, *row.askers}
    )
    members: dict[str, list[Asked]] = defaultdict(list)
    for row in asked:
        members[connected[row.topic]].append(row)
    by_topic: dict[str, str] = {}
    by_record: dict[str, str] = {}
    for name, rows in members.items():
        largest = max(sizes[shared] for row in rows for shared in (row.topic, *row.askers))
        if len(rows) <= MAX_CHAIN * len(asked) or largest >= MIN_CORE * len(rows):
            by_topic.update({row.topic: name for row in rows})
        else:
            cores = {row.record: core_of(row, held_out) for row in rows if row.is_held_out}
            by_record |= {row.record: row.topic for row in rows} | cores
    return Groups(by_topic, by_record)


def core_of(row: Asked, sizes: Mapping[str, int]) -> str:
    """Return a record's topic, session or user with the most records; the first in a tie."""
    return max((row.topic, *row.askers), key=lambda name: sizes[name])

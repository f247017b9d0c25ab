"""Groups: questions that are not independent, and so are drawn together in intervals and tests.

Questions of one topic form a group, and so do the records of one session or of one user: a person
who asks twice is no second person. Source: the cluster bootstrap (Field & Welsh 2007).
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
    """A record whose session or user is known; askers: hashes of them.

    is_held_out: whether it lies in dev or test, where alone groups are drawn.
    """

    record: str
    topic: str
    askers: tuple[str, ...]
    is_held_out: bool = True


@dataclass(frozen=True)
class Groups:
    """The group of each topic, and of each record that left the group of its topic."""

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
    """Return the records that name their session or user; is_held_out: of a topic."""
    named = ((record, topic_of(record)) for record in records if record.get("asked_by"))
    return [
        Asked(record["record"], topic, tuple(record["asked_by"]), is_held_out(topic))
        for record, topic in named
    ]


def find_groups(asked: Sequence[Asked]) -> Groups:
    """Return the groups of records whose session or user is known.

    Whatever shares a topic, session or user, directly or by others, is one group. In a busy log
    such chains may tie all records together. A chain is cut when it holds more than MAX_CHAIN of
    them and nothing that its records share is common to most: each record then stays with the
    topic, session or user that has most held-out records. Those of train do not count: topics lie
    in one split, users in all, so a user would outweigh every topic.
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
    by_topic, by_record = {}, {}
    for name, rows in members.items():
        largest = max(sizes[shared] for row in rows for shared in (row.topic, *row.askers))
        if len(rows) <= MAX_CHAIN * len(asked) or largest >= MIN_CORE * len(rows):
            by_topic.update({row.topic: name for row in rows})
        else:
            by_record.update({row.record: core_of(row, held_out) for row in rows})
    return Groups(by_topic, by_record)


def core_of(row: Asked, sizes: Mapping[str, int]) -> str:
    """Return the topic, session or user of a record that has most records; of equals, the first."""
    return max((row.topic, *row.askers), key=lambda name: sizes[name])

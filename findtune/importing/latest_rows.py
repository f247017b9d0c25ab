"""The latest row of each record: an export may hold a record as it was at several times."""

from collections.abc import Iterable, Sequence
from math import inf

from findtune.importing.documents import text_of
from findtune.importing.tally import Row
from findtune.importing.times import moment


def latest_rows(rows: Iterable[Row], ids: Sequence[str], times: Sequence[str]) -> list[Row]:
    """Return the rows, but of those with equal ids only the latest; rows without an id all stay.

    ids: the fields that name a record, its own id first. times: the fields that say when it
    changed, the best first; without them, the row that is read later is the later one.
    """
    latest: dict[object, Row] = {}
    for number, row in enumerate(rows):
        names = tuple(text_of(row.fields.get(each)) for each in ids)
        key = names if names[0] else number
        if key not in latest or not is_older(row, latest[key], times):
            latest[key] = row
    return [*latest.values()]


def is_older(row: Row, other: Row, times: Sequence[str]) -> bool:
    """Return whether a row changed before another one, by the first time that both have."""
    for name in times:
        own, others = moment(row.fields.get(name)), moment(other.fields.get(name))
        if -inf not in (own, others):
            return own < others
    return False

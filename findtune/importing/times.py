"""Times of exports as ISO 8601 in UTC, in every form that ingest reads; rows in their order."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from math import inf
from typing import TypeVar

from findtune.ingest.times import read_time

Item = TypeVar("Item")


def utc_time(value: object) -> str:
    """Return a time as ISO 8601 in UTC; "" if it is not a time. A time without a zone is UTC.

    value: any form of a time that ingest reads, such as a text, seconds since 1970, or MongoDB's
    {"$date": ...}.
    """
    try:
        time = datetime.fromisoformat(read_time(value))
        zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # the first hours of year 1 may be before it in UTC
        return ""


def moment(value: object) -> float:
    """Return the seconds since 1970 of any form that `utc_time` reads; -inf if it is not a time.

    For sorting: ISO texts with and without fractions of a second do not sort by time.
    """
    time = utc_time(value)
    return seconds(time) if time else -inf


def seconds(time: str) -> float:
    """Return the seconds since 1970 of a time as `utc_time` returns it."""
    return datetime.fromisoformat(time).timestamp()


def in_order(items: Iterable[Item], place: Callable[[Item], float | None]) -> list[Item]:
    """Return the items by their places; one without a place follows the item before it."""
    placed, last = [], -inf
    for item in items:
        own = place(item)
        last = last if own is None else own
        placed.append((last, item))
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]

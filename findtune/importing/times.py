"""Times of exports as ISO 8601 in UTC: of text, of seconds or milliseconds, and of MongoDB."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf

from findtune.ingest.times import epoch_time


def utc_time(value: object) -> str:
    """Return a time as ISO 8601 in UTC; "" for what is none. A time without a zone is UTC.

    value: a text, seconds or thousandths of them since 1970, or MongoDB's {"$date": ...}.
    """
    if isinstance(value, Mapping):
        value = value.get("$date", value.get("$numberLong"))
        return utc_time(int(value) if isinstance(value, str) and value.isdecimal() else value)
    if time := epoch_time(value):
        return time
    try:
        time_of_day = datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
        if time_of_day.tzinfo is None:
            time_of_day = time_of_day.replace(tzinfo=UTC)
        return time_of_day.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # in UTC, the first hours of the year 1 are in none
        return ""


def moment(value: object) -> float:
    """Return the seconds since 1970 of what `utc_time` takes; what is no time comes before all.

    Texts with and without parts of a second do not sort by their time.
    """
    time = utc_time(value)
    return seconds(time) if time else -inf


def seconds(time: str) -> float:
    """Return the seconds since 1970 of a time as `utc_time` returns it."""
    return datetime.fromisoformat(time).timestamp()

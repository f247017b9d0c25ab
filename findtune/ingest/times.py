"""Parses times as logs write them: ISO 8601, seconds since 1970, e-mail dates, database forms."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

EPOCH = re.compile(r"[0-9]{9,19}(?:\.[0-9]{1,9})?")
MIN_EPOCH, MAX_EPOCH = 1e8, 4.1e9  # seconds: of 1973 and 2099
UNITS = (1, 1_000, 1_000_000, 1_000_000_000)  # of a second: milli-, micro- and nanoseconds
# What a date such as 202611281000 would be in seconds, if it were milliseconds: in 1976.
LIKE_DATES = (1.9e8, 2.1e8)
DOTNET = re.compile(r"\\?/Date\((\d+)(?:[+-]\d{4})?\)\\?/")  # of .NET's JSON
EMAIL_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} [\d:]+ [\w+-]+")  # RFC 2822
UTC_NAME = re.compile(r"\s*(?:UTC|GMT)$")
# MongoDB's dates and numbers, and the seconds of Firestore and protocol buffers.
TIME_KEYS = ("$date", "$numberLong", "_seconds", "seconds")


def read_time(value: object) -> str:
    """Return a time as ISO 8601, unchanged if it is that; "" if it is no time."""
    if isinstance(value, Mapping):
        return read_time(next((value[key] for key in TIME_KEYS if key in value), None))
    if not isinstance(value, str):
        return epoch_time(value)
    text = value.strip()
    if match := DOTNET.fullmatch(text):
        text = match[1]
    # Before ISO 8601, which takes some of these digits for a time of 1712.
    if time := epoch_time(text):
        return time
    return text if is_iso_8601(text) else named_zone(text)


def named_zone(text: str) -> str:
    """Return the ISO 8601 time of an e-mail date, or of a text that ends in UTC or GMT; else ""."""
    try:
        if EMAIL_DATE.fullmatch(text):
            return parsedate_to_datetime(text).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):  # a day that no month has, or an hour of many digits
        return ""
    plain = UTC_NAME.sub("", text)
    return f"{plain}Z" if plain != text and is_iso_8601(f"{plain}Z") else ""


def epoch_time(value: object) -> str:
    """Return the ISO 8601 time of seconds, or smaller units, since 1970; "" if it is none.

    Digits that are more likely a date with its time than a time of 1976 are none.
    """
    if isinstance(value, str) and EPOCH.fullmatch(value.strip()):
        value = float(value)
    if type(value) not in (int, float) or not isinstance(value, (int, float)):
        return ""
    if not MIN_EPOCH <= value < MAX_EPOCH * UNITS[-1]:  # huge integers can't be divided
        return ""
    for unit in UNITS:
        seconds = value / unit
        if unit > 1 and LIKE_DATES[0] <= seconds < LIKE_DATES[1]:
            return ""
        if MIN_EPOCH <= seconds < MAX_EPOCH:
            time = datetime.fromtimestamp(seconds, UTC)
            return time.isoformat().replace("+00:00", "Z")
    return ""


def is_iso_8601(text: str) -> bool:
    """Return whether a text is an ISO 8601 date, with or without a time.

    Digits alone are only a date: Python takes the ninth for a mark before the hour.
    """
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    is_date = len(text) == len("20261128") or not text.isdigit()
    return is_date and text.isascii() and text.isprintable()

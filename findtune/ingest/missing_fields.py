"""Words the error for a missing field: it names the keys that nothing reads, as one may hold it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from findtune.ingest.document_fields import KNOWN, NESTED, OTHERS
from findtune.ingest.record_ids import ASKERS, PLAIN_FIELDS, TIMES, is_id, plain_name
from findtune.ingest.report import RecordError, wrong_type

# A key of one or two words; a longer one may be what a user typed.
KEY = re.compile(r"[^\W\d][\w$-]{0,30}(?:[ .:][\w$-]{1,30})?")
MAX_KEYS = 5  # that a message names
RECORD_KEYS = frozenset({*PLAIN_FIELDS, *TIMES}.union(*ASKERS.values()))
DOCUMENT_KEYS = KNOWN | {"rank", "position", "score"} | {*map(plain_name, OTHERS)}


def missing_in_record(
    record: Mapping[str, Any], field: str, expected: str, remedy: str
) -> RecordError:
    """Return the error for a record of feedback that lacks a field."""
    keys = [key for key in record if not is_id(key) and plain_name(key) not in RECORD_KEYS]
    error = wrong_type(field, None, expected=expected, remedy=remedy)
    return name_keys(error, record, keys, name=field)


def missing_url(item: Mapping[str, Any], field: str) -> RecordError:
    """Return the error for a document without an address."""
    keys = [key for key in item if plain_name(key) not in DOCUMENT_KEYS and key not in NESTED]
    error = wrong_type(field, None, expected="a URL", remedy="write it as a string")
    return name_keys(error, item, keys, name="url")


def name_keys(
    error: RecordError, entry: Mapping[str, Any], unread: Sequence[str], *, name: str
) -> RecordError:
    """Return an error for a missing field with the unread keys; name: what to call the field.

    In an object without any known key, keys may be what users typed, and a screen is not private.
    """
    names = [ascii(key) for key in unread if KEY.fullmatch(key)][:MAX_KEYS]
    if names and len(unread) < len(entry):
        error.reason = f"{error.reason} (unread keys: {', '.join(names)})"
        error.remedy = f"if one of these keys holds it, rename that key to {name}"
    return error

"""Detects how a JSON file lays out its records from how it begins; its name does not tell.

Exporters write lists into .jsonl files, one record over several lines, and carriage returns as
line ends. Reading such a file line by line would lose every record.
"""

import json
import re
from enum import Enum, auto

from findtune.ingest.json_problems import DECODER
from findtune.ingest.record_ids import plain_name

HEAD_BYTES = 1 << 20  # of a file whose name promises lines, by which its form is found
SHORT_HEAD_BYTES = 1 << 14
RECORD_KEYS = frozenset({"query", "originalquery", "url"})  # of which every record has one
LINE_END = re.compile(r"\r\n|\n|\r")


class Form(Enum):
    """How the records of a file are written."""

    WRAPPED = auto()  # an object with a list of records under a known key
    LIST = auto()  # a list of records
    VALUES = auto()  # records one after another, over any number of lines
    LINES = auto()  # one record per line


def find_form(head: bytes, wrapper: str, *, by_lines: bool) -> Form:
    """Return the form of a file; by_lines: whether its name promises one record per line."""
    text = head.decode("utf-8-sig", "replace").lstrip(" \t\r\n\x1e")
    if not by_lines:
        if text.startswith("["):
            return Form.LIST
        return Form.VALUES if begins_with_record(text, wrapper) else Form.WRAPPED
    first_line = LINE_END.split(text, maxsplit=1)[0]
    is_alone = text.rstrip() == first_line.rstrip()
    if text.startswith("[") and (is_alone or not is_whole(first_line)):
        return Form.LIST
    if re.match(rf'\{{\s*"{re.escape(wrapper)}"\s*:\s*\[', text) and not is_whole(first_line):
        return Form.WRAPPED
    if "\n" not in text and "\r" in text:
        return Form.VALUES
    return Form.VALUES if spans_lines(text) else Form.LINES


def begins_with_record(text: str, wrapper: str) -> bool:
    """Return whether a text begins with an object that is a record and does not wrap a list."""
    try:
        value, _ = DECODER.raw_decode(text)
    except (json.JSONDecodeError, RecursionError, ValueError):
        return False
    if not isinstance(value, dict) or wrapper in value:
        return False
    fields = {plain_name(key): value[key] for key in value}
    return any(not isinstance(fields.get(key), (dict, list, type(None))) for key in RECORD_KEYS)


def is_whole(line: str) -> bool:
    """Return whether a line is a whole JSON value."""
    try:
        DECODER.decode(line.strip())
    except (ValueError, RecursionError):
        return False
    return True


def spans_lines(text: str) -> bool:
    """Return whether a text begins with an object that is broken into lines."""
    try:
        value, end = DECODER.raw_decode(text)
    except (json.JSONDecodeError, RecursionError, ValueError):
        return False
    return isinstance(value, dict) and bool(LINE_END.search(text, 0, end))

"""Reads lists as exports write them: as real lists or as text, and "nothing" in several ways.

Tables have no lists, so a list that went through one comes back as text: '["a", "b"]' of JSON or
"['a', 'b']" of Python, or URLs with blanks or marks between them. An outer join of SQL writes
[null] where nothing was picked.
"""

import ast
import json
import re

from findtune.ingest.null_words import is_null_word

URL = re.compile(r"https?://\S+")
# Each run of marks is tried once, from its start: trying every mark would take quadratic time.
BETWEEN_URLS = re.compile(r"(?<![\s;|,])[\s;|,]+(?=https?://)")
MARKS = " ;|,"  # that may also follow the last URL
MAX_CHARS = 1 << 20  # of a text that is parsed as a list


def read_list(value: object) -> object:
    """Return the list or object that a text holds, [] for what names nothing, else the value."""
    if isinstance(value, str):
        text = value.strip()
        if not text or is_null_word(text):
            return []
        if text[0] in "[{" and text[-1] in "]}" and len(text) <= MAX_CHARS:
            value = parse(text, value)
        elif text.count("://") > 1:
            value = separate_urls(text, value)
    return [] if value is None or value == {} else value


def separate_urls(text: str, otherwise: object) -> object:
    """Return the URLs of a text that holds only URLs and the marks between or after them."""
    urls = BETWEEN_URLS.split(text.rstrip(MARKS))
    are_urls = all(URL.fullmatch(url) for url in urls)
    return urls if are_urls and len(urls) > 1 else otherwise


def parse(text: str, otherwise: object) -> object:
    """Return what a text holds as JSON, or as Python writes it; `otherwise` if it is neither."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, (list, dict)):
            return value
    return otherwise


def names_nothing(value: object) -> bool:
    """Return whether the value of a list field names nothing: null, "", or a list of such."""
    value = read_list(value) if isinstance(value, str) else value
    if isinstance(value, list):
        return all(map(names_nothing, value))
    return value is None or value == {}

"""Decodes searches that were logged in the encoding of URLs, such as how%20many+trams."""

import json
import re
from urllib.parse import unquote, unquote_plus

ENCODED = re.compile(r"%[0-9a-fA-F]{2}")
# What was surely encoded in a text with blanks: a blank, or a character beyond ASCII.
SURELY_ENCODED = re.compile(r"(?:%20|(?:%[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F])+))+")
# how+many+trams, but not C++ or 1+1
JOINED_BY_PLUS = re.compile(r"(?:[^\s+]+\+){2,}[^\s+]+")
# Bytes of cp1252, as programs write them: in capitals, and not after a digit, as in 100%EFFECTIVE.
BYTES = re.compile(r"[^%]*+(?:(?<!\d)(?:%[0-9A-F]{2})++[^%]*+)*+")
WORD = re.compile(r"[^\W\d_]{3,}")


# %u00e9 of JavaScript's escape()
ESCAPED = re.compile(r"(?<!\d)(?:%u[0-9a-fA-F]{4})+")
TWICE = re.compile(r"%25(?=20|[c-fC-F][0-9a-fA-F]%25[89abAB][0-9a-fA-F])")  # %2520 is %20


def decode_search(text: str) -> str:
    """Return a search as it was typed, even if it was encoded twice."""
    if "%" not in text and "+" not in text:
        return text
    text = ESCAPED.sub(lambda escaped: json.loads('"' + escaped[0].replace("%", "\\") + '"'), text)
    if any(map(str.isspace, text)):
        return SURELY_ENCODED.sub(lambda encoded: decode(encoded[0], plus=False), text)
    if TWICE.search(text):
        text = re.sub(r"%25(?=[0-9a-fA-F]{2})", "%", text)
    joined = bool(JOINED_BY_PLUS.fullmatch(text)) and len(WORD.findall(text)) > 1
    return decode(text, plus=True) if ENCODED.search(text) or joined else text


def decode(text: str, *, plus: bool) -> str:
    """Return a text without percent-encoding.

    Bytes that are not UTF-8 are read as cp1252, as old pages send it, if they are letters there
    and no percent sign was typed; else the text stays as it is.
    """
    read = unquote_plus if plus else unquote
    try:
        return read(text, errors="strict")
    except UnicodeDecodeError:
        if not BYTES.fullmatch(text.replace("%20", "+")):
            return text
    try:
        decoded = read(text, encoding="cp1252", errors="strict")
    except UnicodeDecodeError:
        return text
    others = (letter for letter in decoded if not letter.isascii())
    return decoded if all(map(str.isalpha, others)) else text

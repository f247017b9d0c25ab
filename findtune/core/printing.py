"""Texts from data and file names, made safe to show at a terminal or in a spreadsheet."""

import re

# Control characters could move the cursor, clear the screen or type for the user; bidirectional
# marks would reorder what is shown. Line feeds and tabs stay.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# How a formula begins in Excel and LibreOffice. Source: OWASP, CSV injection.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def printable(text: str) -> str:
    """Return a text with control characters and lone surrogates escaped, such as \\x1b."""
    return UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def without_formula(text: str) -> str:
    """Return a cell's text, with an apostrophe before it if a spreadsheet would compute it.

    A plain number, such as -0.5, stays as it is.
    """
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text

"""Texts of data and file names as they may be shown: at a terminal, and in a spreadsheet."""

import re

# Controls would move the cursor, clear the screen or type for the user; the marks of writing
# direction would show a text in another order. Line ends and tabs stay.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# How a formula begins in Excel and LibreOffice. Source: OWASP, CSV injection.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


def printable(text: str) -> str:
    """Return a text without control characters and lone surrogates: \\x1b stands for an escape."""
    return UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def without_formula(text: str) -> str:
    """Return a text as a cell that no spreadsheet computes: an apostrophe stands before it.

    A plain number, such as -0.5, computes nothing and stays.
    """
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text

"""Describes what Python's json module can't read, as a reason and a remedy for the report."""

import json
import re
from typing import NoReturn

# A whole string, a quote, a bracket, or a number that JSON does not have.
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]|NaN|-?Infinity', re.DOTALL)


class NonFiniteNumberError(ValueError):
    """Raised for NaN and Infinity, which Python's json module accepts and JSON does not."""


def refuse_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity."""
    raise NonFiniteNumberError


DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def describe_syntax_error(error: json.JSONDecodeError) -> str:
    """Return the reason of a syntax error, worded for the middle of a sentence."""
    message = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"not JSON: {message[:1].lower()}{message[1:]}"


def describe_bad_byte(error: UnicodeDecodeError) -> tuple[str, str]:
    """Return reason and remedy for bytes that are not UTF-8."""
    reason = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
    return reason, "save the file as UTF-8 (it may be latin-1, or cut off)"


def describe_unparsable(error: Exception) -> tuple[str, str]:
    """Return reason and remedy for a value that is well-formed but that Python can't read."""
    if isinstance(error, NonFiniteNumberError):
        return "NaN and Infinity are not JSON", "write null, or leave the field out"
    if isinstance(error, RecursionError):
        return "lists or objects are nested too deeply", "leave the field out"
    return "a number has too many digits", "write it as a string, or leave the field out"


def locate_problem(text: str, error: Exception, *, start: int, end: int) -> int:
    """Return the index of the NaN or Infinity in a value; for other errors, of its start."""
    if isinstance(error, NonFiniteNumberError):
        for token in TOKEN.finditer(text, start, end):
            if token[0] in ("NaN", "Infinity", "-Infinity"):
                return token.start()
    return start

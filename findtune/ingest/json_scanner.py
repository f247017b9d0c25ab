"""Parses a large JSON file value by value, so that only a part of it is in memory."""

import json
import re
from collections.abc import Iterator
from typing import Any

from findtune.core.errors import InputError
from findtune.ingest.file_contents import CONFLICT, CONFLICT_REMEDY, is_conflict_mark
from findtune.ingest.json_problems import (
    DECODER,
    TOKEN,
    describe_bad_byte,
    describe_syntax_error,
    describe_unparsable,
    locate_problem,
)
from findtune.ingest.report import UnparsableRecord
from findtune.ingest.text_window import TextWindow

MAX_VALUE_CHARS = 1 << 26
MAX_MARK_CHARS = 8  # of a merge conflict
MAX_CUT_CHARS = 16  # how much of a number, a word or an escape a chunk can cut off
SCALAR = re.compile(r'[^\s,\]}"]*')  # a number or a word
CUT_OFF = re.compile(r"[\w.+\\-]*\s*")  # a number, a word or an escape that breaks off


class JsonScanner:
    """Reads the parts of a JSON file in their order.

    Every method first loads as much of the file as it needs. The caller counts records_read, for
    the error messages.
    """

    def __init__(self, window: TextWindow, name: str) -> None:
        self.window, self.name = window, name
        self.records_read = 0

    def peek(self) -> str:
        """Return the next character that is not blank, without passing it; "" at the end."""
        while not (character := self.window.skip_blanks()) and not self.window.complete:
            self.read_more()
        return character

    def items(self, closing_bracket: str) -> Iterator[None]:
        """Yield at each item of the list or object that opens here; the caller reads the item."""
        self.window.index += 1
        if self.peek() == closing_bracket:
            self.window.index += 1
            return
        while True:
            yield
            if self.read_one_of(f",{closing_bracket}") == closing_bracket:
                return

    def read_one_of(self, characters: str) -> str:
        """Read one of some characters and return it; raise InputError for any other."""
        character = self.peek()
        if not character:
            raise self.truncated()
        if character not in characters:
            raise self.error(f"not JSON: expecting {' or '.join(characters)}", "correct it there")
        self.window.index += 1
        return character

    def read_key(self) -> str:
        """Read a key of an object and the colon after it; return the key."""
        if self.peek() not in ('"', ""):
            raise self.error("not JSON: expecting a key in double quotes", "correct it there")
        key: str = self.read_value()
        self.read_one_of(":")
        return key

    def read_value(self) -> Any:
        """Read any value and return it, or an UnparsableRecord if Python can't read it."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self.window.text, self.window.index)
            except json.JSONDecodeError as error:
                if self.window.complete or not may_be_cut(error):
                    raise self.syntax_error(error) from None
            except (ValueError, RecursionError) as error:
                return self.skip_unparsable(error)
            else:
                if self.window.complete or scalar_end(self.window.text, end) is not None:
                    self.window.index = end
                    return value
            self.read_more()

    def skip_unparsable(self, error: Exception) -> UnparsableRecord:
        """Skip a value that Python can't read, by its brackets; return an UnparsableRecord."""
        window = self.window
        while (end := value_end(window.text, window.index)) is None and not window.complete:
            self.read_more()
        if end is None:
            raise self.truncated()
        index = locate_problem(window.text, error, start=window.index, end=end)
        place = window.locate(index)
        window.index = end
        return UnparsableRecord(*place, *describe_unparsable(error))

    def read_more(self) -> None:
        """Load the next chunk of the file; raise InputError for bad bytes and endless values."""
        self.window.drop_read_text()
        if len(self.window.text) > MAX_VALUE_CHARS:
            raise self.error(f"more than {MAX_VALUE_CHARS:,} characters in one value", "shorten it")
        if self.window.bad_byte:
            self.window.skip_all()
            raise self.error(*describe_bad_byte(self.window.bad_byte))
        self.window.read_chunk()

    def error(self, reason: str, remedy: str) -> InputError:
        """Return the error for what is wrong at the position."""
        line, column = self.window.locate(self.window.index)
        if is_conflict_mark(self.window.text[self.window.index :][:MAX_MARK_CHARS]):
            reason, remedy = CONFLICT, CONFLICT_REMEDY
        progress = f"{self.records_read:,} records were read before"
        return InputError(
            f"{self.name}: line {line}, column {column}: {reason}; {progress}; {remedy}."
        )

    def syntax_error(self, error: json.JSONDecodeError) -> InputError:
        """Return the error for invalid syntax, or for a file that is truncated there."""
        window = self.window
        if window.complete and error.msg.startswith("Unterminated"):
            line, column = window.locate(error.pos)
            return self.truncated(f" inside the string that opens at line {line}, column {column}")
        if window.complete and CUT_OFF.fullmatch(window.text, error.pos):
            return self.truncated()
        window.index = error.pos
        return self.error(describe_syntax_error(error), "correct it there")

    def truncated(self, detail: str = "") -> InputError:
        """Return the error for a file that ends too early."""
        self.window.skip_all()
        return self.error(f"the file breaks off here{detail}", "fetch the whole file again")


def may_be_cut(error: json.JSONDecodeError) -> bool:
    """Return whether the end of a chunk, and not a mistake, may have caused a syntax error."""
    return error.msg.startswith("Unterminated") or error.pos > len(error.doc) - MAX_CUT_CHARS


def scalar_end(text: str, start: int) -> int | None:
    """Return the end of the number or word at an index; None if it may go on in the next chunk."""
    match = SCALAR.match(text, start)
    return match.end() if match and match.end() < len(text) else None


def value_end(text: str, start: int) -> int | None:
    """Return the end of a value by its brackets; None if the end is not in memory."""
    if text[start] not in "[{":
        return scalar_end(text, start)
    depth = 0
    for token in TOKEN.finditer(text, start):
        if token[0] == '"':  # a string that is not closed yet
            return None
        depth += (token[0] in "[{") - (token[0] in "]}")
        if not depth:
            return token.end()
    return None

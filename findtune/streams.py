"""JSON and JSONL files read record by record, with the line and column of what is wrong.

A .json file holds one object with a list of records under a known key; only a piece of it is in
memory at a time. Where its syntax breaks the reading ends, since nobody can tell where the next
record begins. A .jsonl file holds a record a line, so that a bad line costs one record.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

from findtune.errors import InputError

CHUNK = 1 << 20  # bytes read at a time
LONGEST = 1 << 26  # bytes of one record
SLACK = 16  # characters: what the end of a chunk cuts off a number, a literal or an escape
BOM = b"\xef\xbb\xbf"
FOREIGN = (b"\xff\xfe", b"\xfe\xff")
DRAWN = re.compile(r"[^ \t\n\r]")  # JSON's white space is no more than these four
MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]|NaN|-?Infinity', re.DOTALL)
BARE = re.compile(r'[^\s,\]}"]*')
TAIL = re.compile(r"[\w.+\\-]*\s*")  # a number, a literal or an escape that breaks off

Advance = Callable[[int], object]


class Record(NamedTuple):
    """One value of a file: `number` counts from 1, and is the line in a .jsonl file."""

    file: str
    number: int
    value: Any


class Unread(NamedTuple):
    """What stands for a value that can't be read, with its place in the file."""

    line: int
    column: int
    reason: str
    remedy: str


class NoNumberError(ValueError):
    """Raised for NaN and Infinity, which Python reads and JSON does not know."""


def no_number(_: str) -> NoReturn:
    raise NoNumberError


DECODER = json.JSONDecoder(parse_constant=no_number)


def unheard(_: int) -> None:
    """Tell nobody how many bytes were read."""


def read_records(
    path: Path, wrapper: str, chunk: int = CHUNK, advance: Advance = unheard
) -> Iterator[Record]:
    """Yield the records of a file; `advance` is told how many bytes each piece of it has.

    Raises InputError when the file can't be read on: not UTF-8, not JSON, cut off, no wrapper.
    """
    name = path.as_posix().encode("utf-8", "replace").decode()
    try:
        opened = path.open("rb")
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror}; restore or remove it.") from None
    with opened as file:
        head = file.read(4)
        if head[:2] in FOREIGN or b"\0" in head:
            raise InputError(f"{name} is UTF-16 or no text at all; save it as UTF-8.")
        file.seek(0)
        if path.suffix == ".jsonl":
            yield from each_line(file, name, wrapper, advance)
            return
        cursor = Cursor(file, name, chunk, advance)
        for value in wrapped(cursor, wrapper):
            cursor.records += 1
            yield Record(name, cursor.records, value)


def wrapped(cursor: "Cursor", wrapper: str) -> Iterator[Any]:
    """Yield the values of the list that stands under the wrapper key of the file's object."""
    form = f'{{"{wrapper}": [...]}}'
    first = cursor.peek()
    if not first:
        raise InputError(f"{cursor.name} is empty; it must hold {form}, or be removed.")
    if first != "{":
        raise cursor.wrong(f"the file is no object, it begins with {first!r}", f"write {form}")
    keys = []
    for _ in cursor.members("}"):
        keys.append(cursor.key())
        if keys[-1] == wrapper and cursor.peek() not in ("[", ""):
            raise cursor.wrong(f"{wrapper} is no list", f"write {form}")
        for _ in cursor.members("]") if cursor.peek() == "[" else [None]:
            value = cursor.value()
            if keys[-1] == wrapper:
                yield value
    if wrapper not in keys:
        known = ", ".join(ascii(key[:30]) for key in keys[:10]) or "none"
        told = f"no key {wrapper}: found the keys {known}"
        raise cursor.wrong(told, f"write {form}, or name a file with a record a line .jsonl")
    if cursor.peek():
        raise cursor.wrong("something follows the end", f"one file holds one {form}")


class Cursor:
    """A place in the text of a JSON file, of which only a piece is in memory."""

    def __init__(self, file: IO[bytes], name: str, chunk: int, advance: Advance) -> None:
        self.file, self.name, self.chunk, self.advance = file, name, chunk, advance
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.at = "", 0
        self.line, self.column = 1, 1  # of the first character in memory
        self.ended = False
        self.fault: UnicodeDecodeError | None = None
        self.records = 0  # that were read whole

    def more(self) -> None:
        """Forget what was passed, and read on: at least as much as a value that goes on has yet."""
        self.line, self.column = self.place(self.at)
        self.text, self.at = self.text[self.at :], 0
        if len(self.text) > LONGEST:
            raise self.wrong(f"more than {LONGEST:,} characters in one value", "shorten it")
        if self.fault:
            self.at = len(self.text)
            raise self.wrong(*not_utf8(self.fault))
        raw = self.file.read(max(self.chunk, len(self.text)))
        self.ended = not raw
        self.advance(len(raw))
        try:
            self.text += self.decoder.decode(raw, final=self.ended)
        except UnicodeDecodeError as error:
            self.text += error.object[: error.start].decode()
            self.fault, self.ended = error, False  # told when the reading comes to it

    def place(self, at: int) -> tuple[int, int]:
        """Return line and column of a character in memory; both count from 1."""
        if lines := self.text.count("\n", 0, at):
            return self.line + lines, at - self.text.rfind("\n", 0, at)
        return self.line, self.column + at

    def wrong(self, reason: str, remedy: str) -> InputError:
        """Return the error for what stands here."""
        line, column = self.place(self.at)
        whole = f"{self.records:,} records were read before"
        return InputError(
            f"{self.name}: line {line}, column {column}: {reason}; {whole}; {remedy}."
        )

    def peek(self) -> str:
        """Return the next character that is no white space, and stand at it; "" at the end."""
        while True:
            drawn = DRAWN.search(self.text, self.at)
            self.at = drawn.start() if drawn else len(self.text)
            if drawn or self.ended:
                return drawn[0] if drawn else ""
            self.more()

    def members(self, close: str) -> Iterator[None]:
        """Step into a list or an object, stand at one member after the other, and step out."""
        self.at += 1
        if self.peek() == close:
            self.at += 1
            return
        while True:
            yield
            if self.pass_by(f",{close}") == close:
                return

    def pass_by(self, signs: str) -> str:
        """Return which one of some signs stands here, and step behind it."""
        found = self.peek()
        if not found:
            raise self.broken_off()
        if found not in signs:
            raise self.wrong(f"not JSON: expecting {' or '.join(signs)}", "mend it there")
        self.at += 1
        return found

    def key(self) -> str:
        """Return the next key of an object, and step behind its colon."""
        if self.peek() not in ('"', ""):
            raise self.wrong("not JSON: expecting a key in double quotes", "mend it there")
        key: str = self.value()
        self.pass_by(":")
        return key

    def value(self) -> Any:
        """Return the next value, or Unread for one that no list or object may hold."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                if self.ended or not maybe_cut(error):
                    raise self.not_json(error) from None
            except (ValueError, RecursionError) as error:
                return self.unread(error)
            else:
                if self.ended or delimited(self.text, end):
                    self.at = end
                    return value
            self.more()

    def not_json(self, error: json.JSONDecodeError) -> InputError:
        """Return the error for a place where the syntax breaks, or where the file does."""
        if self.ended and error.msg.startswith("Unterminated"):
            line, column = self.place(error.pos)
            return self.broken_off(f" inside the string that opens at line {line}, column {column}")
        if self.ended and TAIL.fullmatch(self.text, error.pos):
            return self.broken_off()
        self.at = error.pos
        return self.wrong(syntax(error), "mend it there")

    def broken_off(self, inside: str = "") -> InputError:
        """Return the error for a file that ends too early."""
        self.at = len(self.text)
        return self.wrong(f"the file breaks off here{inside}", "fetch it again, whole")

    def unread(self, error: Exception) -> Unread:
        """Pass over a value by its brackets alone, and return what stands for it."""
        while (end := closing(self.text, self.at)) is None and not self.ended:
            self.more()
        if end is None:
            raise self.broken_off()
        place = self.place(culprit(self.text, self.at, end, error))
        self.at = end
        return Unread(*place, *unreadable(error))


def maybe_cut(error: json.JSONDecodeError) -> bool:
    """Return whether the text may only have ended too early."""
    return error.msg.startswith("Unterminated") or error.pos > len(error.doc) - SLACK


def delimited(text: str, at: int) -> bool:
    """Return whether a value ends here for sure; a number may go on in the next piece."""
    bare = BARE.match(text, at)
    return bare is not None and bare.end() < len(text)


def closing(text: str, at: int) -> int | None:
    """Return where a value ends as far as its brackets tell, or None if that is not in memory."""
    if text[at] not in "[{":
        return bare.end() if (bare := BARE.match(text, at)) and delimited(text, at) else None
    depth = 0
    for mark in MARK.finditer(text, at):
        sign = mark[0]
        if sign == '"':
            return None
        depth += (sign in "[{") - (sign in "]}")
        if not depth:
            return mark.end()
    return None


def culprit(text: str, at: int, end: int, error: Exception) -> int:
    """Return where in a value the reading failed, or where the value begins if nobody can tell."""
    if isinstance(error, NoNumberError):
        for mark in MARK.finditer(text, at, end):
            if mark[0][-1] in "Ny":
                return mark.start()
    return at


def unreadable(error: Exception) -> tuple[str, str]:
    """Return reason and remedy for a value that Python's json module gives up."""
    if isinstance(error, NoNumberError):
        return "NaN and Infinity are not JSON", "write null, or leave the field out"
    if isinstance(error, RecursionError):
        return "lists or objects are nested too deeply", "leave the field out"
    return "a number has too many digits", "write it as a string, or leave the field out"


def not_utf8(error: UnicodeDecodeError) -> tuple[str, str]:
    """Return reason and remedy for bytes that are no text."""
    byte = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
    return byte, "save the file as UTF-8 (it may be latin-1, or cut off)"


def syntax(error: json.JSONDecodeError) -> str:
    """Return what the json module expected, in the middle of a sentence."""
    told = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"not JSON: {told[:1].lower()}{told[1:]}"


def each_line(file: IO[bytes], name: str, wrapper: str, advance: Advance) -> Iterator[Record]:
    """Yield the record of each line that is not blank."""
    anything = False
    for number in count(1):
        raw = file.readline(LONGEST)
        if not raw:
            break
        if len(raw) == LONGEST and not raw.endswith(b"\n"):
            told = f"{name}: line {number}: more than {LONGEST:,} bytes in one line"
            raise InputError(f"{told}; a .jsonl file holds a record a line.")
        advance(len(raw))
        if raw.removeprefix(BOM).strip():
            anything = True
            yield Record(name, number, line_value(raw.removeprefix(BOM), number, wrapper))
    if not anything:
        raise InputError(f"{name} is empty; it must hold a record a line, or be removed.")


def line_value(raw: bytes, line: int, wrapper: str) -> Any:
    """Return the value in one line, or Unread."""
    text = ""
    try:
        text = raw.decode().rstrip()
        value = DECODER.decode(text)
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode()) + 1
        return Unread(line, column, *not_utf8(error))
    except json.JSONDecodeError as error:
        return Unread(line, error.pos + 1, syntax(error), "mend the line, or delete it")
    except (ValueError, RecursionError) as error:
        at = culprit(text, 0, len(text), error)
        return Unread(line, at + 1, *unreadable(error))
    if isinstance(value, dict) and wrapper in value:
        remedy = "name the file .json, or write a record a line without that key"
        return Unread(line, 1, f"the key {wrapper} wraps records in one line", remedy)
    return value

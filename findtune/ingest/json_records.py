"""Reads JSON and JSONL files record by record; errors name the line and the column.

A .json file holds one object with a list of records under a known key, or just the list. Only a
part of it is in memory. A syntax error ends the reading, because the start of the next record is
not known. A .jsonl file holds one record per line, so a bad line loses one record. A .jsonl file
that begins with a list, or with a record over several lines, is read as such.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import IO, Any, NamedTuple

from findtune.core.errors import InputError
from findtune.ingest.data_files import open_packed, printable_path, suffix
from findtune.ingest.file_contents import (
    CONFLICT,
    CONFLICT_REMEDY,
    is_conflict_mark,
    refuse_no_text,
)
from findtune.ingest.json_forms import HEAD_BYTES, RECORD_KEYS, SHORT_HEAD_BYTES, Form, find_form
from findtune.ingest.json_problems import (
    DECODER,
    describe_bad_byte,
    describe_syntax_error,
    describe_unparsable,
    locate_problem,
)
from findtune.ingest.json_scanner import JsonScanner
from findtune.ingest.record_ids import plain_name
from findtune.ingest.report import Advance, UnparsableRecord
from findtune.ingest.text_window import TextWindow

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 26
BOM = b"\xef\xbb\xbf"
ENDS = ("\0", "\x1a")  # what some systems write at the end of a file
PADDING = "".join(ENDS).encode()
EXTRA = "not JSON: extra data"  # after a whole value
BETWEEN = re.compile(r"[\s,\ufeff\x1e\x1a\0]*")  # what may stand around records in one line
LINE_SUFFIXES = (".jsonl", ".ndjson")
TABLE = re.compile(rb"\"?[A-Za-z_][\w -]*\"?(?:[,;\t]\"?[A-Za-z_][\w -]*\"?)+")  # a header of CSV
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class JsonRecord(NamedTuple):
    """A record as parsed; `number` counts from 1, and is the line in a .jsonl file."""

    file: str
    number: int
    value: Any


def read_records(
    path: Path, wrapper: str, *, advance: Advance, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[JsonRecord]:
    """Yield the records of a file.

    wrapper: the key of the list of records in a .json file that is an object. Raises InputError
    where reading can't go on: not UTF-8, invalid JSON, truncated, or without the wrapper.
    """
    name = printable_path(path)
    by_lines = suffix(path) in LINE_SUFFIXES
    try:
        with open_utf8(path, name) as file:
            form = find_form(read_head(file, by_lines), wrapper, by_lines=by_lines)
            if form is Form.LINES:
                yield from read_lines(file, name, wrapper=wrapper, advance=advance)
                return
            window = TextWindow(file, chunk_bytes=chunk_bytes, advance=advance)
            yield from READERS[form](JsonScanner(window, name), wrapper)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{name} is packed and breaks off; fetch the whole file again.") from None


def open_utf8(path: Path, name: str) -> IO[bytes]:
    """Open a file for reading; raise InputError if it is missing, UTF-16 or not text."""
    file = open_packed(path)
    head = file.read(SHORT_HEAD_BYTES)
    file.seek(0)
    try:
        refuse_no_text(head, name)
        refuse_table(head, name)
    except InputError:
        file.close()
        raise
    head = head[:4]
    if head[:2] in UTF_16 or b"\0" in head:
        file.close()
        raise InputError(f"{name} is UTF-16 or not text; save it as UTF-8.")
    return file


def refuse_table(head: bytes, name: str) -> None:
    """Raise InputError for a file that begins with the header of a table."""
    line = head.removeprefix(BOM).lstrip().split(b"\n")[0]
    if TABLE.fullmatch(line.rstrip()):
        raise InputError(f"{name} is a table of CSV; write its rows as JSON, one record a line.")


def read_head(file: IO[bytes], by_lines: bool) -> bytes:
    """Return the first bytes of a file, and go back to its start."""
    head = file.read(HEAD_BYTES if by_lines else SHORT_HEAD_BYTES)
    file.seek(0)
    return head


def read_bare_list(scanner: JsonScanner, wrapper: str) -> Iterator[JsonRecord]:
    """Yield the records of a list that is the whole file."""
    yield from number_values(scanner, read_values(scanner))
    refuse_more(scanner, wrapper)


def read_separate_values(scanner: JsonScanner, wrapper: str) -> Iterator[JsonRecord]:
    """Yield the records that stand one after another, with or without commas between them."""
    while scanner.peek():
        yield from number_values(scanner, iter([scanner.read_value()]))
        if scanner.peek() == ",":
            scanner.window.index += 1


def number_values(scanner: JsonScanner, values: Iterator[Any]) -> Iterator[JsonRecord]:
    """Yield values as records, counted from 1 in their file."""
    for value in values:
        scanner.records_read += 1
        yield JsonRecord(scanner.name, scanner.records_read, value)


def refuse_more(scanner: JsonScanner, wrapper: str) -> None:
    """Raise InputError when something follows the end of the list or object."""
    if scanner.peek() not in ("", *ENDS):
        remedy = f"write a single {wrapped_form(wrapper)} per file"
        raise scanner.error("something follows the end", remedy)


def read_wrapped_list(scanner: JsonScanner, wrapper: str) -> Iterator[JsonRecord]:
    """Yield the records in the list under the wrapper key; other keys are skipped."""
    check_object(scanner, wrapper)
    keys = []
    for _ in scanner.items("}"):
        keys.append(scanner.read_key())
        if keys[-1].lower() == wrapper:
            keys[-1] = wrapper
        if keys[-1] != wrapper:
            skip_value(scanner)
            continue
        if scanner.peek() not in ("[", ""):
            raise scanner.error(f"{wrapper} is not a list", f"write {wrapped_form(wrapper)}")
        yield from number_values(scanner, read_values(scanner))
    if wrapper not in keys:
        raise missing_wrapper(scanner, wrapper, keys)
    refuse_more(scanner, wrapper)


def wrapped_form(wrapper: str) -> str:
    """Return the form of a .json file as messages show it."""
    return f'{{"{wrapper}": [...]}}'


def check_object(scanner: JsonScanner, wrapper: str) -> None:
    """Raise InputError for a file that is empty or does not start with an object."""
    first, form = scanner.peek(), wrapped_form(wrapper)
    if not first:
        raise InputError(f"{scanner.name} is empty; it must hold {form}, or be removed.")
    if first != "{":
        reason = f"the file is not an object, it begins with {first!r}"
        raise scanner.error(reason, f"write {form}")


def read_values(scanner: JsonScanner) -> Iterator[Any]:
    """Yield the items of a list one by one, or the single value that is not a list."""
    if scanner.peek() != "[":
        yield scanner.read_value()
        return
    for _ in scanner.items("]"):
        yield scanner.read_value()


def skip_value(scanner: JsonScanner) -> None:
    """Read a value and forget it, a list item by item."""
    for _ in read_values(scanner):
        pass


def missing_wrapper(scanner: JsonScanner, wrapper: str, keys: list[str]) -> InputError:
    """Return the error for an object without the wrapper key."""
    known = ", ".join(ascii(key[:30]) for key in keys[:10]) or "none"
    remedy = f"write {wrapped_form(wrapper)}, or name a file with one record per line .jsonl"
    if is_table_of_pandas(keys):
        remedy = 'of pandas, write to_json(orient="records")'
    return scanner.error(f"no key {wrapper}: found the keys {known}", remedy)


def is_table_of_pandas(keys: list[str]) -> bool:
    """Return whether an object has the keys of a table: its columns, or the numbers of its rows."""
    tables = ({"columns", "data"}, {"schema", "data"})
    is_split = any(table <= {*keys} for table in tables)
    return (
        is_split
        or bool(keys and all(map(str.isdecimal, keys)))
        or not RECORD_KEYS.isdisjoint(map(plain_name, keys))
    )


def read_lines(
    file: IO[bytes], name: str, *, wrapper: str, advance: Advance
) -> Iterator[JsonRecord]:
    """Yield the record of each line that is not blank."""
    empty, joined = True, 0  # joined: records beyond the first of their lines
    for number in count(1):
        raw = file.readline(MAX_LINE_BYTES)
        if not raw:
            break
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            reason = f"{name}: line {number}: more than {MAX_LINE_BYTES:,} bytes in one line"
            raise InputError(f"{reason}; write one record per line.")
        advance(len(raw))
        line = raw.removeprefix(BOM).lstrip(PADDING)
        if line.strip(PADDING + b" \t\r\n"):
            empty = False
            values = parse_line(line, number, wrapper)
            for place, value in enumerate(values, start=number + joined):
                yield JsonRecord(name, place, value)
            joined += len(values) - 1
    if empty:
        raise InputError(f"{name} is empty; it must hold one record per line, or be removed.")


def parse_line(raw: bytes, line: int, wrapper: str) -> list[Any]:
    """Return the value in one line, or an UnparsableRecord; or the several records in it.

    Where files are joined, the last line of one and the first line of the next may become one.
    """
    value = parse_value(raw, line, wrapper)
    if isinstance(value, UnparsableRecord) and value.reason == EXTRA:
        return joined_records(raw.decode(), wrapper) or [value]
    return [value]


def joined_records(text: str, wrapper: str) -> list[Any]:
    """Return the records that stand in one line; none if anything else stands there too."""
    records, index = [], len(text) - len(BETWEEN.sub("", text, count=1))
    while index < len(text):
        try:
            record, end = DECODER.raw_decode(text, index)
        except (ValueError, RecursionError):
            return []
        if not isinstance(record, dict) or wrapper in record:
            return []
        records.append(record)
        match = BETWEEN.match(text, end)
        index = match.end() if match else end
    return records


def parse_value(raw: bytes, line: int, wrapper: str) -> Any:
    """Return the value in one line, or an UnparsableRecord."""
    text = ""
    try:
        text = raw.decode().strip("\x1e").rstrip().removesuffix(",")
        value = DECODER.decode(text)
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode()) + 1
        return UnparsableRecord(line, column, *describe_bad_byte(error))
    except json.JSONDecodeError as error:
        if is_conflict_mark(text):
            return UnparsableRecord(line, 1, CONFLICT, CONFLICT_REMEDY)
        remedy = "correct the line, or delete it"
        if text.startswith("{'"):
            remedy = "write the record with json.dumps, as JSON has double quotes"
        return UnparsableRecord(line, error.pos + 1, describe_syntax_error(error), remedy)
    except (ValueError, RecursionError) as error:
        index = locate_problem(text, error, start=0, end=len(text))
        return UnparsableRecord(line, index + 1, *describe_unparsable(error))
    if isinstance(value, dict) and wrapper in value:
        remedy = "name the file .json, or write one record per line without that key"
        return UnparsableRecord(line, 1, f"the key {wrapper} wraps all records in one line", remedy)
    return value


READERS: dict[Form, Callable[[JsonScanner, str], Iterator[JsonRecord]]] = {
    Form.WRAPPED: read_wrapped_list,
    Form.LIST: read_bare_list,
    Form.VALUES: read_separate_values,
}

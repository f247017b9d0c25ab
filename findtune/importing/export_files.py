"""The records of an export in JSON: a list, JSON lines, a bulk file, or a search response.

OpenSearch and Elasticsearch answer `_search` with hits.hits, each with `_source`; their bulk files
have a line with an action before each document; elasticdump writes one hit per line. Langfuse's API
wraps its rows in `data`, other APIs in `items`. Any file may be compressed with gzip.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.importing.tally import Row, Tally
from findtune.ingest.data_files import open_packed, printable_path

BETWEEN = re.compile(r"[\s,\x1e]*")  # between records; \x1e is from RFC 7464
WRAPPERS = ("data", "items")
ACTIONS = ("index", "create", "update", "delete")  # lines of a bulk file that are not documents
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")  # a lone surrogate, escaped such as \ud800
DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # NaN and Infinity are not JSON


def read_rows(path: Path, tally: Tally) -> Iterator[Row]:
    """Yield the records of a file with the lines where they begin; bad lines are counted.

    Raises InputError for a file that is missing, not UTF-8, empty, or a list that breaks off.
    """
    file = printable_path(path)
    for line, value in values(read_text(path), file, tally):
        for record in unwrap(value):
            if isinstance(record, Mapping):
                yield Row(file, line, record)
            else:
                tally.skip("records that are not objects", file, line)


def read_text(path: Path) -> str:
    """Return the text of a file; raise InputError if it is unreadable, empty or not UTF-8."""
    file = printable_path(path)
    try:
        with open_packed(path) as packed:
            text = packed.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8; export it as JSON in UTF-8.") from None
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{file} can't be read: {error}; export it again.") from None
    if not text.strip():
        raise InputError(f"{file} is empty; export it again.")
    return text


def values(text: str, file: str, tally: Tally) -> Iterator[tuple[int, Any]]:
    """Yield each JSON value of a text, or each item if the text is lists, with its line from 1."""
    has_lists = text.startswith("[", skip_blanks(text, 0))
    index, in_list = 0, False
    line, counted = 1, 0
    while (index := skip_blanks(text, index)) < len(text):
        if has_lists and text[index] == "[]"[in_list]:  # one list may follow another
            in_list = not in_list
            index += 1
            continue
        line, counted = line + text.count("\n", counted, index), index
        try:
            value, index_after = DECODER.raw_decode(text, index)
            value = with_whole_characters(value)
        except (ValueError, RecursionError) as error:  # also for a number with thousands of digits
            if in_list:
                raise InputError(f"{file}:{line}: not JSON ({error}); export it again.") from None
            tally.skip("lines that are not JSON", file, line)
            index = next_line(text, index)
        else:
            yield line, value
            index = index_after
    if in_list:
        raise InputError(f"{file}:{line}: the list breaks off after this line; export it again.")


def with_whole_characters(value: Any) -> Any:
    """Return a JSON value that UTF-8 can encode: lone surrogates become U+FFFD."""
    if isinstance(value, str):
        return HALF_CHARACTER.sub("\ufffd", value)
    if isinstance(value, list):
        return [*map(with_whole_characters, value)]
    if isinstance(value, dict):
        return {
            HALF_CHARACTER.sub("\ufffd", key): with_whole_characters(value[key]) for key in value
        }
    return value


def skip_blanks(text: str, index: int) -> int:
    """Return the index of the next character that does not just separate records."""
    match = BETWEEN.match(text, index)
    return match.end() if match else index


def next_line(text: str, index: int) -> int:
    """Return the index of the end of a line."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def unwrap(value: Any) -> Iterator[Any]:
    """Yield the records inside a value, which may be a list, a response, a hit or a wrapper."""
    if isinstance(value, list):
        for item in value:
            yield from unwrap(item)
    elif not isinstance(value, dict):
        yield value
    elif (inner := wrapped_records(value)) is not None:
        yield from unwrap(inner)
    elif isinstance(value.get("_source"), dict):
        yield {"_id": value.get("_id"), **value["_source"]}
    elif not is_bulk_action(value):
        yield value


def wrapped_records(value: Mapping[str, Any]) -> list[Any] | None:
    """Return the list of records that an object wraps; None if it is a record itself."""
    hits = value.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        inner: list[Any] = hits["hits"]
        return inner
    return next((value[key] for key in WRAPPERS if isinstance(value.get(key), list)), None)


def is_bulk_action(value: Mapping[str, Any]) -> bool:
    """Return whether an object is the action line before a document in a bulk file."""
    if len(value) != 1:
        return False
    [(name, action)] = value.items()
    return name in ACTIONS and isinstance(action, dict) and all(key[:1] == "_" for key in action)

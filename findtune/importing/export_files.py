"""The records of an export in JSON: a list, JSON lines, a bulk file, or a search response.

OpenSearch and Elasticsearch answer `_search` with hits.hits, each with `_source`; their bulk files
have a line with an action before each document; elasticdump writes one hit per line. Langfuse's API
wraps its rows in `data`, other APIs in `items`; in a document, these are fields. Any file may be
compressed with gzip.
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
from findtune.ingest.document_fields import find_field

BETWEEN = re.compile(r"[\s,\x1e]*")  # between records; \x1e is from RFC 7464
WRAPPERS = ("data", "items")
ACTIONS = ("index", "create", "update", "delete")  # lines of a bulk file that are not documents
# What an action may say beside names that begin with _, as in OpenSearch's and Elasticsearch's bulk
# API; versions before 7 wrote some with _.
ACTION_OPTIONS = frozenset(
    {"routing", "parent", "pipeline", "require_alias", "require_data_stream", "dynamic_templates"}
    | {"version", "version_type", "if_seq_no", "if_primary_term", "retry_on_conflict"}
    | {"list_executed_pipelines", "timestamp", "ttl"}
)
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")  # a lone surrogate, escaped such as \ud800
# What may be left where a text ends inside a value: part of a word, a number or an escape.
REST = re.compile(r"(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|[.]|[eE][+-]?|\\?u?[0-9a-fA-F]{0,4})\s*")
DECODER = json.JSONDecoder(parse_constant=lambda _: None)  # NaN and Infinity are not JSON


def read_rows(path: Path, tally: Tally) -> Iterator[Row]:
    """Yield the records of a file with the lines where they begin; bad lines are counted.

    Raises InputError for a file that is missing, not UTF-8 or empty, and for a list that breaks
    off, or an object that does so after its first line.
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
            if breaks_off(text, index, error):
                reason = "the object that begins here breaks off"
                raise InputError(f"{file}:{line}: {reason}; export it again.") from None
            tally.skip("lines that are not JSON", file, line)
            index = next_line(text, index)
        else:
            yield line, value
            index = index_after
    if in_list:
        raise InputError(f"{file}:{line}: the list breaks off after this line; export it again.")


def breaks_off(text: str, index: int, error: Exception) -> bool:
    """Return whether an object of several lines is without fault up to the end of the text.

    A single line that breaks off costs one record, also if a record follows on a line of its own.
    """
    if text[index] != "{" or not isinstance(error, json.JSONDecodeError):
        return False
    is_open_text = error.msg.startswith("Unterminated string")
    is_at_end = is_open_text or REST.fullmatch(text, error.pos) is not None
    second = text[next_line(text, index) :].lstrip()[:1] if is_at_end else ""
    return second not in ("", "{")


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
    lists = (value[key] for key in WRAPPERS if isinstance(value.get(key), list))
    return None if is_document(value) else next(filter(may_hold_records, lists), None)


def may_hold_records(items: list[Any]) -> bool:
    """Return whether a list has an object, or nothing at all; texts are a field of a record."""
    return not items or any(isinstance(item, dict) for item in items)


def is_document(value: Mapping[str, Any]) -> bool:
    """Return whether an object has an id or an address, and a text: it is no wrapper then."""
    url, text = (find_field(value, name)[1] for name in ("url", "snippet"))
    return all(isinstance(each, str) and each.strip() for each in (url, text))


def is_bulk_action(value: Mapping[str, Any]) -> bool:
    """Return whether an object is the action line before a document in a bulk file."""
    if len(value) != 1:
        return False
    [(name, action)] = value.items()
    if name not in ACTIONS or not isinstance(action, dict):
        return False
    return all(key[:1] == "_" or key in ACTION_OPTIONS for key in action)

"""The lists of URLs or ids in the cells of a CSV.

A list is written as JSON or as Python writes it, or its items are separated by `;`, `|`, line ends
or blanks. Blanks separate only where nothing else does, since a name may hold them: My File.pdf.
Between URLs, a word is an item only if it cannot be a part of the URL before it.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

from findtune.importing.documents import text_of
from findtune.ingest.list_separators import parse_list

MARKS = re.compile(r"[;|\r\n]+")
AROUND = " \t,\"'"  # an item of a list that is not quite JSON
PARAMETER = re.compile(r"[\w.-]+=")  # what may follow a ; within a URL, as in ;jsessionid=1
SITE = re.compile(r"[\w+.-]+://[^/?#]*/?")  # a URL without a path, which blanks cannot continue
MARKED = re.compile(r"/.|[A-Za-z][\w.-]*:.")  # how a path and an id with a prefix begin, as doc:17


class TornListError(Exception):
    """Raised for a list in which a part of a URL looks like an item."""


def read_list(cell: str, known: Collection[str] = ()) -> list[str]:
    """Return the URLs or ids in a cell; raise TornListError if one of them may be torn.

    known: names that are recognized whole, whatever they hold.
    """
    if cell in known:
        return [cell]
    if cell.startswith("["):
        if (items := written_list(cell)) is not None:
            return items
        cell = cell.strip("[]")
    parts = [part.strip(AROUND) for part in MARKS.split(cell)]
    items = [item for part in parts for item in items_of(part, known, alone=len(parts) == 1)]
    for before, after in pairwise(items):
        if "://" in before and PARAMETER.match(after) and after not in known:
            raise TornListError
    may_hold_marks = len(parts) > 1 and any(MARKS.search(name) for name in known)
    if may_hold_marks and not {*items} <= {*known}:
        raise TornListError
    return items


def share_comma_parts(names: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether a part of a name between commas is also a part of one of the others."""
    parts, other_parts = (
        {part.strip(AROUND) for item in items for part in item.split(",")} - {""}
        for items in (names, others)
    )
    return bool(parts & other_parts)


def written_list(cell: str) -> list[str] | None:
    """Return the items of a list of JSON, Python or NumPy; None for anything else."""
    try:
        values: Sequence[object] | None = json.loads(cell)
    except (ValueError, RecursionError):
        values = parse_list(cell)
    return None if values is None else [*filter(None, map(text_of, values))]


def items_of(part: str, known: Collection[str], *, alone: bool) -> Iterator[str]:
    """Yield the items of a part of a list: itself, or what blanks separate in it.

    alone: whether the part is the whole list, so that only blanks can separate.
    """
    words = [*filter(None, (word.strip(AROUND) for word in part.split()))]
    has_more_urls = any("://" in word for word in words[1:])
    if part in known or not (alone or has_more_urls):
        yield from [part] if part else []
        return
    may_hold_blanks = any(len(name.split()) > 1 for name in known)
    if not {*words} <= {*known} and (may_hold_blanks or may_be_torn(words)):
        raise TornListError
    yield from words


def may_be_torn(words: Sequence[str]) -> bool:
    """Return whether words with a URL among them may be parts of names that hold blanks."""
    if not any("://" in word for word in words):
        return False
    return not all(is_whole(before, word) for before, word in pairwise(["", *words]))


def is_whole(before: str, word: str) -> bool:
    """Return whether a word is a URL, a path or an id, and no part of the URL before it."""
    if "://" in word or MARKED.match(word):
        return True
    is_behind_path = "://" in before and not SITE.fullmatch(before)
    return any(map(str.isdigit, word)) and not is_behind_path

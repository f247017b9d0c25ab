"""Finding one search among many, without reading them all into memory."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from findtune.traffic.log import PICKS
from findtune.traffic.reader import search_files
from findtune.traffic.records import PickRecord, Record, SearchRecord

AnyRecord = TypeVar("AnyRecord", bound=Record)

BLOCK = 1024 * 1024  # bytes
ID = re.compile(r"[0-9a-f]{32}")


def find_search(folder: Path, key: str) -> SearchRecord | None:
    """Return the search with an id; None if there is none or the id is malformed."""
    if not ID.fullmatch(key):
        return None
    for path in reversed(search_files(folder)):
        for record in records_with(path, key, SearchRecord):
            if record.id == key:
                return record
    return None


def find_answer(folder: Path, key: str) -> PickRecord | None:
    """Return the last answer to a search; its picks are None if it was taken back."""
    answers = records_with(folder / PICKS, key, PickRecord)
    return next((record for record in answers if record.search == key), None)


def file_numbers(folder: Path) -> dict[str, int]:
    """Return the inode of each file in a folder; it changes when lines are forgotten."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries}
    return {}


def records_with(path: Path, key: str, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield the records of a file that contain an id, the last one first."""
    quoted = f'"{key}"'.encode()
    for line in lines_backwards(path):
        if quoted in line:
            with suppress(ValidationError):
                yield kind.model_validate_json(line)


def lines_backwards(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, the last one first, reading one block at a time.

    A missing file has no lines. The file is not memory-mapped: a writer truncates a line that did
    not fit on the disk, and reading mapped bytes that are gone kills the process.
    """
    with suppress(FileNotFoundError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        begun = b""  # rest of a line that begins in an earlier block
        for start in range((size - 1) // BLOCK * BLOCK, -1, -BLOCK):
            file.seek(start)
            begun, *lines = (file.read(BLOCK) + begun).split(b"\n")
            yield from reversed(lines)
        yield begun

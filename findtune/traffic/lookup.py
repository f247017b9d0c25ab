"""Finding one search among many, without reading them all into memory."""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from findtune.traffic.log import PICKS
from findtune.traffic.reader import search_files
from findtune.traffic.records import PickRecord, Record, SearchRecord

AnyRecord = TypeVar("AnyRecord", bound=Record)

ID = re.compile(r"[0-9a-f]{32}")


def find_search(folder: Path, key: str) -> SearchRecord | None:
    """Return the search with an id; None where there is none, also for what can be no id."""
    if not ID.fullmatch(key):
        return None
    for path in reversed(search_files(folder)):
        for record in records_with(path, key, SearchRecord):
            if record.id == key:
                return record
    return None


def find_answer(folder: Path, key: str) -> PickRecord | None:
    """Return the last answer to a search; one that was taken back has None as its picks."""
    path = folder / PICKS
    answers = records_with(path, key, PickRecord) if path.exists() else iter(())
    return next((record for record in answers if record.search == key), None)


def records_with(path: Path, key: str, kind: type[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield the records of a file in which an id stands, the last one first."""
    quoted = f'"{key}"'.encode()
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            end = len(content)
            while (place := content.rfind(quoted, 0, end)) >= 0:
                start = content.rfind(b"\n", 0, place) + 1
                stop = content.find(b"\n", place)
                line = content[start : stop if stop >= 0 else len(content)]
                end = start
                try:
                    yield kind.model_validate_json(line)
                except ValidationError:
                    continue

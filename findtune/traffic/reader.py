"""Reading what was served and picked.

traffic = read_traffic(Path("data/served"))
for search in traffic.searches:
    print(search.question, traffic.picks_of(search))
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from findtune.traffic.log import PICKS
from findtune.traffic.records import PickRecord, Record, SearchRecord

AnyRecord = TypeVar("AnyRecord", bound=Record)


@dataclass(frozen=True)
class Traffic:
    """Searches in the order of their time, and their answers.

    answers: the last answer to each search, by the search's id, in the order in which searches were
    first answered; without answers that were taken back. taken_back: ids of the searches whose
    answer was taken back. skipped: number of unreadable lines, such as a torn one of a killed
    writer.
    """

    searches: list[SearchRecord]
    answers: dict[str, PickRecord]
    skipped: int
    taken_back: frozenset[str] = frozenset()

    def until(self, time: datetime) -> "Traffic":
        """Return the traffic without searches after a time, which come from a wrong clock."""
        return replace(self, searches=[row for row in self.searches if row.time <= time])

    def picks_of(self, search: SearchRecord) -> list[str] | None:
        """Return the URLs picked of a search, the best first; None if nobody answered it."""
        answer = self.answers.get(search.id)
        return answer.picks if answer else None


def read_traffic(folder: Path) -> Traffic:
    """Return all traffic in a folder; a missing folder has none."""
    skipped: list[str] = []
    searches = {
        record.id: record
        for path in search_files(folder)
        for record in read_records(path, SearchRecord, skipped)
    }
    last = {record.search: record for record in read_records(folder / PICKS, PickRecord, skipped)}
    answers = {key: record for key, record in last.items() if record.picks is not None}
    ordered = sorted(searches.values(), key=lambda record: record.time)
    return Traffic(ordered, answers, len(skipped), frozenset(last.keys() - answers.keys()))


def search_files(folder: Path) -> list[Path]:
    """Return the files of searches, the oldest week first."""
    return sorted(folder.glob("[0-9][0-9][0-9][0-9]-W[0-9][0-9].jsonl"))


def read_records(path: Path, kind: type[AnyRecord], skipped: list[str]) -> Iterator[AnyRecord]:
    """Yield the records of a file that may not exist; add unreadable lines to `skipped`."""
    # No check whether it exists: `make forget` may delete it after the check.
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield kind.model_validate_json(line)
            except ValidationError:
                skipped.append(line)

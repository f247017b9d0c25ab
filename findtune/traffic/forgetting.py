"""Deleting what was recorded: by question, by user, by age."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from findtune.core.files import atomic_open
from findtune.traffic import feedback
from findtune.traffic.log import COLLECTING, PICKS, exclusive
from findtune.traffic.reader import read_traffic, search_files
from findtune.traffic.records import PickRecord, SearchRecord, now
from findtune.traffic.teaching import as_key


@dataclass(frozen=True)
class Choice:
    """What to forget: the searches that meet all conditions that are set.

    question: compared without case and spacing. session: the hash of a user. before: a time; a
    search that is dated more than a day ahead was before, too, since its clock was wrong, and so
    was one without a time. unanswered: whether to forget only searches without an answer.
    """

    question: str | None = None
    session: str | None = None
    before: datetime | None = None
    unanswered: bool = False

    def matches(self, question: str, session: str | None, time: datetime | None) -> bool:
        """Return whether a search is to be forgotten, by its question, session hash and time."""
        return (
            (self.question is None or as_key(question) == as_key(self.question))
            and (self.session is None or session == self.session)
            and (self.before is None or is_before(time, self.before))
        )


def is_before(time: datetime | None, limit: datetime) -> bool:
    """Return whether a time was before another one; None, or a time of a wrong clock, was."""
    return time is None or time < limit or time > now() + timedelta(days=1)


class Forgotten(NamedTuple):
    """Numbers of deleted searches, answers, collected records and unreadable lines."""

    searches: int
    answers: int
    collected: int
    unreadable: int


def forget(served: Path, training_data: Path | None, choice: Choice) -> Forgotten:
    """Delete searches, their answers, and the feedback that was collected from them.

    training_data: the folder of that feedback; None if it is not here.
    Unreadable lines are deleted, too, since they may hold parts of what is forgotten. Each file is
    replaced as a whole while no server writes.
    """
    # Locks out `collect`, which would write searches again that it has already read.
    with exclusive(served, COLLECTING), exclusive(served):
        traffic = read_traffic(served)
        keys = {
            row.id
            for row in traffic.searches
            if choice.matches(row.question, row.session, row.time)
            and not (choice.unanswered and row.id in traffic.answers)
        }
        gone = {None, *keys}
        remove_parts(served, ".*.jsonl.part")
        for path in search_files(served):
            rewrite(path, lambda line: search_key(line) not in gone)
        if (served / PICKS).exists():
            rewrite(served / PICKS, lambda line: pick_key(line) not in gone)
        collected = 0
        if training_data:
            remove_parts(training_data, ".*.served.jsonl.part")
            collected = feedback.drop(training_data, lambda row: is_forgotten(row, keys, choice))
    answers = len(keys & traffic.answers.keys())
    return Forgotten(len(keys), answers, collected, traffic.skipped)


def has_records(served: Path, training_data: Path) -> bool:
    """Return whether anything was recorded, or collected from what was recorded."""
    collected = (training_data / name for name in (feedback.RANKED_LISTS, feedback.SEARCHES))
    others = (served / PICKS, *collected)
    return bool(search_files(served)) or any(path.exists() for path in others)


def is_forgotten(row: feedback.Row, keys: set[str], choice: Choice) -> bool:
    """Return whether to delete a collected record, even if its search is in no file any more."""
    if row["id"] in keys or choice.unanswered:
        return row["id"] in keys
    question = row.get("query") or row.get("original_query") or ""
    return choice.matches(f"{question}", row.get("session"), time_of(row))


def time_of(row: feedback.Row) -> datetime | None:
    """Return the time of a collected record, in UTC if it names no zone; None if it has none."""
    try:
        time = datetime.fromisoformat(f"{row.get('timestamp')}")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def remove_parts(folder: Path, pattern: str) -> None:
    """Delete files that were not finished because their writer was killed; the caller locks."""
    for path in folder.glob(pattern):
        path.unlink()


def rewrite(path: Path, keeps: Callable[[str], bool]) -> None:
    """Keep only some lines of a file; delete the file if none is left."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if keeps(line)]
    if not lines:
        path.unlink()
        return
    mode = path.stat().st_mode
    with atomic_open(path) as file:
        os.fchmod(file.fileno(), mode)  # readable by the owner only
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def search_key(line: str) -> str | None:
    """Return the id of a search; None for an unreadable line."""
    try:
        return SearchRecord.model_validate_json(line).id
    except ValidationError:
        return None


def pick_key(line: str) -> str | None:
    """Return the id of the search that a line answers; None for an unreadable line."""
    try:
        return PickRecord.model_validate_json(line).search
    except ValidationError:
        return None

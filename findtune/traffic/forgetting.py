"""Deleting what was recorded: by question, by user, by age."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from findtune.core.files import atomic_open
from findtune.traffic import feedback
from findtune.traffic.log import COLLECTING, PICKS, exclusive
from findtune.traffic.reader import read_traffic, search_files
from findtune.traffic.records import PickRecord, SearchRecord
from findtune.traffic.teaching import as_key


@dataclass(frozen=True)
class Choice:
    """What to forget; a search goes if all that is set here is true of it.

    question: in any case and spacing. session: the hash of a user. before: a time. unanswered:
    whether only searches without an answer go.
    """

    question: str | None = None
    session: str | None = None
    before: datetime | None = None
    unanswered: bool = False

    def matches(self, question: str, session: str | None, time: datetime) -> bool:
        """Return whether a question, the hash of who asked and the time are those to forget."""
        return (
            (self.question is None or as_key(question) == as_key(self.question))
            and (self.session is None or session == self.session)
            and (self.before is None or time < self.before)
        )


class Forgotten(NamedTuple):
    """How many searches, answers and collected records are gone, and lines nobody could read."""

    searches: int
    answers: int
    collected: int
    unreadable: int


def forget(served: Path, training_data: Path, choice: Choice) -> Forgotten:
    """Delete searches, their answers, and the feedback that was collected of them.

    Lines that cannot be read go too, since they may hold a part of what has to go. Each file is
    replaced as a whole, while no server writes.
    """
    # A collection that has read the searches would write them again.
    with exclusive(served, COLLECTING), exclusive(served):
        traffic = read_traffic(served)
        keys = {
            row.id
            for row in traffic.searches
            if choice.matches(row.question, row.session, row.time)
            and not (choice.unanswered and row.id in traffic.answers)
        }
        gone = {None, *keys}
        for path in search_files(served):
            rewrite(path, lambda line: search_key(line) not in gone)
        if (served / PICKS).exists():
            rewrite(served / PICKS, lambda line: pick_key(line) not in gone)
        collected = feedback.drop(training_data, lambda row: is_forgotten(row, keys, choice))
    answers = len(keys & traffic.answers.keys())
    return Forgotten(len(keys), answers, collected, traffic.skipped)


def is_forgotten(row: feedback.Row, keys: set[str], choice: Choice) -> bool:
    """Return whether a collected record goes: also one whose search is in no file any more."""
    if row["id"] in keys or choice.unanswered:
        return row["id"] in keys
    question = row.get("query") or row.get("original_query") or ""
    return choice.matches(question, row["session"], datetime.fromisoformat(row["timestamp"]))


def rewrite(path: Path, keeps: Callable[[str], bool]) -> None:
    """Leave lines out of a file; without a line, the file goes, too."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if keeps(line)]
    if not lines:
        path.unlink()
        return
    mode = path.stat().st_mode
    with atomic_open(path) as file:
        os.fchmod(file.fileno(), mode)  # that of the owner alone
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def search_key(line: str) -> str | None:
    """Return the id of a search; None for a line that cannot be read."""
    try:
        return SearchRecord.model_validate_json(line).id
    except ValidationError:
        return None


def pick_key(line: str) -> str | None:
    """Return the id of the search that a line answers; None for one that cannot be read."""
    try:
        return PickRecord.model_validate_json(line).search
    except ValidationError:
        return None

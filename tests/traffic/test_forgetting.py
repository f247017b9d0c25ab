"""What is to be forgotten goes from every file, and nothing else does."""

import fcntl
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from findtune.traffic import feedback
from findtune.traffic.feedback import RANKED_LISTS, SEARCHES, collect, read_rows
from findtune.traffic.forgetting import Choice, Forgotten, forget
from findtune.traffic.log import COLLECTING, LOCK, PICKS
from findtune.traffic.reader import read_traffic
from findtune.traffic.records import now

CHOICES = {
    "question": (Choice(question="  bread? "), ["Rice?", "Tea?"], (1, 1, 1)),
    "user": (Choice(session="s1"), ["Rice?"], (2, 1, 1)),
    "age": (Choice(before=datetime(2026, 11, 17, tzinfo=UTC)), ["Tea?"], (2, 2, 2)),
    "unanswered": (Choice(unanswered=True), ["Bread?", "Rice?"], (1, 0, 0)),
    "both": (Choice(question="Rice?", session="s1"), ["Bread?", "Rice?", "Tea?"], (0, 0, 0)),
}


@pytest.mark.parametrize("name", CHOICES)
def test_what_matches_goes_from_searches_answers_and_feedback(
    served: Path, tmp_path: Path, name: str
) -> None:
    choice, left, counts = CHOICES[name]
    collect(served, tmp_path)
    assert forget(served, tmp_path, choice) == Forgotten(*counts, 0)
    traffic = read_traffic(served)
    assert [row.question for row in traffic.searches] == left
    kept = {row.id for row in traffic.searches}
    assert {*traffic.answers} == {*read_rows(tmp_path / RANKED_LISTS)} <= kept


def test_a_torn_line_goes_too_since_it_may_hold_what_has_to_go(
    served: Path, tmp_path: Path
) -> None:
    with (served / PICKS).open("a", encoding="utf-8") as file:
        file.write('{"search": "of a us')
    assert forget(served, tmp_path, Choice(question="Coffee?")).unreadable == 1
    assert "of a us" not in (served / PICKS).read_text(encoding="utf-8")


def test_collected_records_go_also_when_their_searches_are_gone_before(
    served: Path, tmp_path: Path
) -> None:
    collect(served, tmp_path)
    for path in served.glob("*.jsonl"):
        path.unlink()
    assert forget(served, tmp_path, Choice(question="Bread?")) == Forgotten(0, 0, 1, 0)


def is_locked(path: Path) -> bool:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("step", ["drop", "write_feedback"])
def test_a_collection_cannot_bring_back_what_is_being_forgotten(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    run, steps = getattr(feedback, step), []

    def run_locked(*arguments: object) -> object:
        assert is_locked(served / COLLECTING)
        # A collection keeps no server from recording, however long it reads.
        assert is_locked(served / LOCK) == (step == "drop")
        steps.append(step)
        return run(*arguments)

    monkeypatch.setattr(feedback, step, run_locked)
    collect(served, tmp_path)
    forget(served, tmp_path, Choice(question="Bread?"))
    assert steps == [step]


def test_files_stay_those_of_their_owner_alone(served: Path, tmp_path: Path) -> None:
    forget(served, tmp_path, Choice(question="Rice?"))
    assert {path.stat().st_mode & 0o077 for path in served.glob("*.jsonl")} == {0}


def test_a_search_that_a_wrong_clock_dated_in_the_future_is_forgotten_by_age() -> None:
    choice = Choice(before=datetime(2026, 1, 1, tzinfo=UTC))
    assert choice.matches("tea", None, now() + timedelta(days=400))
    assert not choice.matches("tea", None, now())


@pytest.mark.parametrize("question", ["Tea?", "Coffee?"])
def test_what_a_killed_command_did_not_finish_goes_too(
    served: Path, tmp_path: Path, question: str
) -> None:
    other = tmp_path / ".reranker_training_data_ubi.jsonl.part"  # an import may be writing it
    parts = [
        *(served / name for name in (".2026-W48.jsonl.part", f".{PICKS}.part")),
        *(tmp_path / f".{name}.part" for name in (RANKED_LISTS, SEARCHES)),
    ]
    for path in (*parts, other):
        path.write_text("Tea?", encoding="utf-8")
    forget(served, tmp_path, Choice(question=question))
    assert [path for path in (*parts, other) if path.exists()] == [other]


CHANGED: dict[str, dict[str, object]] = {
    "no session": {"timestamp": "2026-01-01T00:00:00Z"},
    "no time": {"session": "s1"},
    "a time that is none": {"session": "s1", "timestamp": "long ago"},
    "a time without a zone": {"session": "s1", "timestamp": "2026-01-01T00:00:00"},
    "a question that is a number": {"query": 5},
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_collected_record_that_a_person_changed_stops_no_forgetting(
    served: Path, tmp_path: Path, name: str
) -> None:
    row = {"id": "1", "query": "Bread?"} | CHANGED[name]
    (tmp_path / RANKED_LISTS).write_text(f"{json.dumps(row)}\n", encoding="utf-8")
    kept = Choice(question="Bread?", session="s9")
    assert forget(served, tmp_path, kept).collected == 0
    old = Choice(before=datetime(2026, 2, 1, tzinfo=UTC))
    assert forget(served, tmp_path, old).collected == 1

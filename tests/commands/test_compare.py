"""compare prints a preference, what is missing for one, and a mistake in one line."""

from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from commands.compare import main
from findtune.traffic.interleaving import interleave
from findtune.traffic.log import SERVED, append, week_file
from findtune.traffic.records import PickRecord, SearchRecord, now


def serve(number: int, picked: str, session: int) -> None:
    """Record a search of version old, which shows "good" first, interleaved with version new."""
    key = f"search {number}"
    slots = interleave(["good", "bad"], ["bad", "good"], key, 2)
    sources = [{"url": slot.url, "team": slot.team, "rank": 1} for slot in slots]
    fields = {"id": key, "time": now(), "version": "old", "question": "bread?"}
    fields |= {"compare": {"A": "old", "B": "new"}, "sources": sources, "milliseconds": 1.0}
    search = SearchRecord.model_validate({**fields, "session": f"{session}"})
    append(SERVED / week_file(search.time), search)
    append(SERVED / "picks.jsonl", PickRecord(search=key, time=search.time, picks=[picked]))


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk."""
    monkeypatch.setattr("os.fsync", lambda file: None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def test_a_preferred_pipeline_is_named(project: Path) -> None:
    for number in range(90):
        serve(number, "good", number)
    output = run().output
    assert "VERDICT: A is preferred" in output  # as the teams were when they were served
    assert "VERDICT: B is preferred" in run("--first", "new").output
    assert "warning" not in output


def test_without_a_preference_it_says_how_many_answers_are_missing(project: Path) -> None:
    rng = Random(1)
    for number in range(40):
        serve(number, rng.choice(["good", "good", "bad"]), 0)
    output = run("--first", "old").output
    assert "VERDICT: open | about " in output
    assert "warning: one session gave 40 of the answers" in output


def test_a_comparison_that_is_not_there_is_one_line(project: Path) -> None:
    result = run()
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: no search in data/served compared two pipelines; docs/monitoring.md says how.\n"
    )
    serve(1, "good", 1)
    assert "name one comparison with A=... B=..." in run("--first", "third").stderr

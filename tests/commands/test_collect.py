"""collect and forget say in one line what they did, or what is missing."""

import os
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import rmtree

import pytest
from click.testing import CliRunner, Result

from commands import collect, forget
from findtune.core.errors import InputError
from findtune.traffic.log import SERVED, append_pick, append_search
from findtune.traffic.records import PickRecord, SearchRecord, now
from findtune.traffic.sessions import SALT, hash_session, read_salt

ROOT = Path(__file__).parents[2]


@pytest.fixture
def answered(project: Path) -> None:
    """Record a search of ada, who said that none is right."""
    session = hash_session(read_salt(SERVED), "ada")
    values = {"id": "a", "time": now(), "version": "v", "question": "Bread?", "milliseconds": 1}
    sources = [{"url": "u", "rank": 1}]
    record = {**values, "session": session, "sources": sources}
    append_search(SERVED, SearchRecord.model_validate(record))
    append_pick(SERVED, partial(PickRecord, search="a", time=now(), picks=[]))


def run_forget(*options: str) -> Result:
    return CliRunner().invoke(forget.main, options)


def test_collect_says_what_changed(answered: None) -> None:
    expected = ["(1 new, 0 changed, 0 removed)", "(0 new, 0 changed, 0 removed)"]
    for counts in expected:
        result = CliRunner().invoke(collect.main, catch_exceptions=False)
        assert result.output == f"1 search, 1 answered. Collected: 1 {counts}.\n"


def test_collect_counts_no_answer_of_a_search_that_was_moved_away(answered: None) -> None:
    append_pick(SERVED, partial(PickRecord, search="gone", time=now(), picks=[]))
    assert CliRunner().invoke(collect.main).output.startswith("1 search, 1 answered.")


def test_collect_without_a_search_says_how_to_record(project: Path) -> None:
    result = CliRunner().invoke(collect.main)
    assert "there is no search in data/served; `make serve RECORD=1`" in result.stderr


def test_forget_deletes_by_the_name_of_a_user(answered: None) -> None:
    CliRunner().invoke(collect.main)
    assert run_forget("--user", "eve").output == "Nothing recorded matches; nothing was deleted.\n"
    assert run_forget("--user", "ada").output == (
        "Deleted: 1 search, 1 answer and 1 collected record.\n"
    )
    assert not [*Path("data").rglob("*.jsonl")]


def test_forget_names_where_else_a_question_is_and_removes_the_page_of_monitor(
    answered: None,
) -> None:
    review, page = Path("data/training_data/review.csv"), Path("metrics/monitor.html")
    for path, text in ((review, "query,url,label\nbread?,u,drop\n"), (page, "Bread?")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert run_forget("--question", "Bread?").output == (
        "Deleted: 1 search and 1 answer.\n"
        "The question is also in data/training_data/review.csv, line 2; delete that row, too.\n"
    )
    assert not page.exists()
    assert review.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("query,url\nbread?,u".encode("utf-16"), "review.csv is UTF-16; save it as UTF-8."),
        (b'query,url,text\nbread?,u,"torn\n' + b"tea,u,text\n" * 15_000, ""),
    ],
)
def test_a_table_that_is_torn_keeps_no_page_of_monitor_and_no_search(
    answered: None, content: bytes, message: str
) -> None:
    review, page = Path("data/training_data/review.csv"), Path("metrics/monitor.html")
    part = page.with_name(".monitor.html.part")
    for path in (review, page, part):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    result = run_forget("--question", "Bread?")
    assert not page.exists()
    assert not part.exists()
    assert result.stdout.startswith("Deleted: 1 search and 1 answer.\n")
    assert message in result.stderr
    assert result.exit_code == bool(message)
    assert ("review.csv, line 2; delete that row" in result.stdout) != bool(message)


def test_a_count_agrees_with_its_noun_and_none_is_of_nothing(answered: None) -> None:
    for line in ("torn", "{torn"):
        with (SERVED / "picks.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        collected = CliRunner().invoke(collect.main)
    assert collected.stderr == "2 lines could not be read; skipped.\n"
    assert run_forget("--user", "eve").output == "Deleted: 2 unreadable lines.\n"
    (SERVED / "picks.jsonl").write_text("torn\n", encoding="utf-8")
    assert CliRunner().invoke(collect.main).stderr == "1 line could not be read; skipped.\n"
    assert run_forget("--user", "ada", "--unanswered").output == (
        "Deleted: 1 search, 1 collected record and 1 unreadable line.\n"
    )


@pytest.mark.parametrize("moved", ["nothing", "searches", "all that was served"])
def test_without_the_salt_no_user_is_forgotten_and_no_salt_is_made(
    answered: None, moved: str
) -> None:
    CliRunner().invoke(collect.main)
    (SERVED / SALT).unlink()
    if moved == "searches":
        [week] = SERVED.glob("20*.jsonl")
        week.unlink()
    if moved == "all that was served":
        rmtree(SERVED)
    before = {path: path.read_bytes() for path in Path("data").rglob("*.jsonl")}
    result = run_forget("--user", "ada")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: data/served/.salt is missing, so users can't be recognized; run this where it is, "
        "or use CODE=.\n",
    )
    assert {path: path.read_bytes() for path in Path("data").rglob("*.jsonl")} == before
    assert not (SERVED / SALT).exists()


def test_where_nothing_was_recorded_no_salt_is_needed_or_made(project: Path) -> None:
    result = run_forget("--user", "ada")
    assert (result.exit_code, result.stdout) == (
        0,
        "Nothing recorded matches; nothing was deleted.\n",
    )
    assert not (SERVED / SALT).exists()


NOT_HERE = (
    "data/training_data.dvc names feedback, but data/training_data is not here; `make pull` first."
)


@pytest.fixture
def pointer(answered: None) -> None:
    """Let DVC keep feedback that was not fetched."""
    text = "outs:\n- md5: 0123.dir\n  path: training_data\n"
    Path("data/training_data.dvc").write_text(text, encoding="utf-8")


def test_nothing_is_collected_beside_feedback_that_was_not_fetched(pointer: None) -> None:
    result = CliRunner().invoke(collect.main)
    assert (result.exit_code, result.stderr) == (1, f"Error: {NOT_HERE}\n")
    assert [*SERVED.glob("20*.jsonl")]
    assert not Path("data/training_data").exists()


@pytest.mark.parametrize(
    ("options", "deleted"),
    [
        (["--user", "ada"], "Deleted: 1 search and 1 answer.\n"),
        (["--before", "0d"], "Deleted: 1 search and 1 answer.\n"),
        (["--before", "9d"], "Nothing recorded matches; nothing was deleted.\n"),
    ],
)
def test_what_was_served_is_forgotten_though_what_was_collected_is_not_here(
    pointer: None, options: list[str], deleted: str
) -> None:
    result = run_forget(*options)
    assert (result.exit_code, result.stdout) == (1, deleted)
    assert result.stderr == (
        f"Error: nothing was deleted from data/training_data: {NOT_HERE} Then run this again.\n"
    )
    assert bool([*SERVED.glob("20*.jsonl")]) == (deleted[:7] == "Nothing")
    assert not Path("data/training_data").exists()


def test_collected_records_stay_as_they_are_beside_feedback_that_was_not_fetched(
    pointer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "refuse_unfetched_feedback", lambda: None)
    CliRunner().invoke(collect.main)
    before = {path: path.read_bytes() for path in Path("data/training_data").iterdir()}

    def refuse() -> None:
        raise InputError("some files are missing; `make pull` first.")

    monkeypatch.setattr(forget, "refuse_unfetched_feedback", refuse)
    result = run_forget("--user", "ada")
    assert (result.exit_code, result.stdout) == (1, "Deleted: 1 search and 1 answer.\n")
    assert {path: path.read_bytes() for path in Path("data/training_data").iterdir()} == before
    monkeypatch.setattr(forget, "refuse_unfetched_feedback", lambda: None)
    assert run_forget("--user", "ada").output == "Deleted: 1 collected record.\n"


def test_forget_wants_to_know_what(project: Path) -> None:
    assert "say what to forget" in run_forget().stderr
    assert "both name a user" in run_forget("--user", "a", "--session", "b").stderr


def test_an_option_that_is_empty_does_not_widen_what_is_forgotten(answered: None) -> None:
    for option in ("--user", "--question", "--session", "--before"):
        result = run_forget(option, "", "--unanswered")
        assert (result.exit_code, result.stderr) == (
            1,
            f"Error: {option} is empty; say which one, or leave it out.\n",
        )


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["WHO=", "UNANSWERED=1"], ["--user", "$ASKER", "--unanswered"]),
        (["BEFORE=90d"], ["--before", "90d"]),
        (["CODE="], ["--session", ""]),
    ],
)
def test_make_passes_an_empty_variable_on(arguments: list[str], options: list[str]) -> None:
    command = ["make", "--dry-run", "--old-file=setup", "forget", *arguments]
    run = subprocess.run(command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True)
    lines = run.stdout.decode().replace("\\\n", " ").splitlines()
    [line] = [line for line in lines if "commands.forget" in line]
    assert shlex.split(line)[3:] == options


def test_an_age_and_a_date_are_times() -> None:
    today = datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert forget.read_time("90d", today) == today - timedelta(days=90)
    assert forget.read_time("2026-08-31", today) == datetime(2026, 8, 31, tzinfo=UTC)
    with pytest.raises(InputError, match="write a date such as"):
        forget.read_time("soon", today)

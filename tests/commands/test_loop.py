"""The loop trains, commits, and promotes a WIN; it leaves alone what it does not know."""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands import loop
from findtune.core.errors import InputError
from findtune.registry.challenge import Champion
from findtune.traffic.records import now

Tool = Callable[[str], str]
PER_QUERY = Path("metrics/stack/small.per_query.csv")


@pytest.fixture
def made(tiny_project: Path, monkeypatch: pytest.MonkeyPatch, tool: Tool) -> list[str]:
    """Enter a project in which `make` only notes what was asked for, and trains on data/."""
    targets: list[str] = []

    def make(*arguments: str) -> None:
        targets.append(arguments[0])
        if arguments[0] == "train":
            learned = Path("data/training_data/picks.json").read_text(encoding="utf-8")
            write_values(json.loads(learned))
            Path("weights.txt").write_text(learned, encoding="utf-8")
            tool("dvc repro --quiet")

    monkeypatch.setattr(loop, "run_make", make)
    monkeypatch.setattr(loop, "is_current", lambda: True)
    monkeypatch.setattr(loop, "COMMITTED", ("data", "dvc.lock", "metrics", "weights.txt"))
    monkeypatch.setattr("findtune.registry.tags.wait_for_next_second", lambda history: None)
    Path(".gitignore").write_text(".scratch/\n", encoding="utf-8")
    tool("git add --all")
    tool("git commit --quiet --message=Ignore")
    return targets


def write_values(value: float) -> None:
    rows = [f"{number},{value + number / 1000}" for number in range(40)]
    text = "\n".join(["query,decisive_tuned_ndcg@10", *rows])
    PER_QUERY.write_text(text + "\n", encoding="utf-8")


def run(picks: float | None = None) -> Result:
    """Run the loop, after picks arrived from which a model with a certain measure is learned."""
    if picks is not None:
        Path("data/training_data").mkdir(parents=True, exist_ok=True)
        Path("data/training_data/picks.json").write_text(f"{picks}", encoding="utf-8")
    return CliRunner().invoke(loop.main, ["small", "prod"])


def test_a_first_win_is_committed_and_goes_live(made: list[str], tool: Tool) -> None:
    result = run(0.5)
    assert result.exit_code == 0, result.output
    assert "against no tuning: ndcg@10 0.5000 -> 0.7500" in result.output
    assert "stack v1.0.0 is live in prod: " in result.output
    assert made == ["train", "readme"]
    assert tool("git log -1 --format=%s").strip() == "Train on new feedback: WIN"
    assert tool("git status --porcelain") == ""


def test_a_name_that_is_no_stage_is_refused_before_a_training(made: list[str]) -> None:
    for stage in ("", "the team's"):
        result = CliRunner().invoke(loop.main, ["small", stage])
        assert result.exit_code == 1
        assert "Error: " in result.output
    assert made == []


@pytest.mark.parametrize("unknown", ["user.name", "user.email"])
def test_a_loop_that_could_not_commit_is_refused_before_a_training(
    made: list[str], tool: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unknown: str
) -> None:
    tool(f"git config --unset {unknown}")
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.delenv(f"GIT_{name}", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for home in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(home, str(tmp_path / "nobody"))
    result = run(0.5)
    assert result.exit_code == 1
    assert "git does not know who you are; run: git config user.name NAME" in result.output
    assert made == []


@pytest.mark.slow
def test_a_better_model_goes_live_and_a_worse_one_does_not(made: list[str], tool: Tool) -> None:
    run(0.5)
    better = run(0.6)
    assert "against v1.0.0, live in prod: ndcg@10 0.5195 -> 0.6195" in better.output
    assert "stack v1.1.0 is live in prod instead of v1.0.0" in better.output
    worse = run(0.4)
    assert worse.exit_code == 0
    assert "not promoted, since the verdict is REGRESSION." in worse.output
    tags = ["stack#prod#1", "stack#prod#2", "stack@v1.0.0", "stack@v1.1.0"]
    assert tool("git tag").split() == tags
    assert tool("git log -1 --format=%s").strip() == "Train on new feedback: REGRESSION"
    assert tool("git status --porcelain") == ""


def test_what_cannot_be_compared_is_committed_and_not_promoted(
    made: list[str], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise InputError("no question is held out from both.")

    head = tool("git rev-parse HEAD").strip()
    monkeypatch.setattr(loop, "champion_of", lambda *arguments: Champion("v1.0.0", head, now()))
    monkeypatch.setattr(loop, "duel", refuse)
    result = run(0.5)
    assert result.exit_code == 0, result.output
    assert "live in prod: no question is held out from both." in result.output
    assert "not promoted, since the verdict is not compared." in result.output
    assert tool("git log -1 --format=%s").strip() == "Train on new feedback: not compared"
    assert tool("git status --porcelain") + tool("git tag") == ""


@pytest.mark.slow
def test_a_champion_of_another_size_is_not_compared(
    made: list[str], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(0.5)
    live = "the measures of another size, which its commit has too"
    monkeypatch.setattr(loop, "duel", lambda *arguments: pytest.fail(live))
    Path("metrics/stack/medium.json").write_text("{}", encoding="utf-8")
    Path("data/training_data/picks.json").write_text("0.6", encoding="utf-8")
    result = CliRunner().invoke(loop.main, ["medium", "prod"])
    assert result.exit_code == 0, result.output
    assert "models/stack/small is what is live, so nothing of medium is compared" in result.output
    assert tool("git tag").split() == ["stack#prod#1", "stack@v1.0.0"]


def test_without_anything_new_nothing_is_trained(made: list[str], tool: Tool) -> None:
    before = tool("git rev-parse HEAD")
    assert "there is nothing to train" in run().output
    assert made == []
    assert tool("git rev-parse HEAD") == before


def test_served_searches_are_collected_first(made: list[str], tool: Tool) -> None:
    Path("data/served").mkdir(parents=True)
    Path("data/served/2026-W48.jsonl").write_text("", encoding="utf-8")
    with Path(".gitignore").open("a") as file:
        file.write("/data/served/\n")
    tool("git commit --quiet --all --message=Ignore")
    # It brought nothing new.
    assert "there is nothing to train" in run().output
    assert made == ["collect"]


def test_changes_that_are_no_data_are_refused_in_one_line(made: list[str]) -> None:
    Path("write.py").write_text("", encoding="utf-8")
    result = run(0.5)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: changed since the last commit: write.py, ")
    assert len(result.stderr.splitlines()) == 1
    assert made == []


@pytest.mark.parametrize("fails", ["train", pytest.param("readme", marks=pytest.mark.slow)])
def test_a_loop_that_failed_half_way_is_gone_on_with(
    made: list[str], tool: Tool, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    make = loop.run_make

    def fail(*arguments: str) -> None:
        make(*arguments)
        Path("metrics/stack/small.md").write_text("half", encoding="utf-8")
        if arguments[0] == fails:
            raise InputError(f"`make {fails}` failed with 2; see its lines above.")

    monkeypatch.setattr(loop, "run_make", fail)
    assert run(0.5).stderr == f"Error: `make {fails}` failed with 2; see its lines above.\n"
    changed = tool("git status --porcelain")
    assert "dvc.lock" in changed
    assert "metrics/" in changed
    monkeypatch.setattr(loop, "run_make", make)
    result = run(0.5)
    assert result.exit_code == 0, result.output
    assert "stack v1.0.0 is live in prod: " in result.output
    assert tool("git status --porcelain") == ""


def test_a_win_that_was_committed_and_did_not_go_live_does_so_in_the_next_loop(
    made: list[str], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise InputError("the disk is full.")

    promote = loop.promote
    monkeypatch.setattr(loop, "promote", fail)
    assert run(0.5).exit_code == 1
    assert tool("git log -1 --format=%s").strip() == "Train on new feedback: WIN"
    monkeypatch.setattr(loop, "promote", promote)
    commit = tool("git rev-parse HEAD")
    assert "stack v1.0.0 is live in prod: " in run().output
    assert tool("git rev-parse HEAD") == commit
    assert "there is nothing to train" in run().output


@pytest.mark.slow
def test_what_a_training_by_hand_left_is_gone_on_with_but_no_text_of_a_person(
    made: list[str], tool: Tool
) -> None:
    Path("metrics/stack/small.md").write_text("half", encoding="utf-8")
    assert run(0.5).exit_code == 0
    assert tool("git status --porcelain") == ""
    Path("README.md").write_text("my own words", encoding="utf-8")
    result = run(0.6)
    assert result.stderr.startswith("Error: changed since the last commit: README.md, ")


@pytest.mark.slow
def test_feedback_under_any_name_is_no_surprise(made: list[str], tool: Tool) -> None:
    Path("data/training_data").mkdir(parents=True)
    Path("data/training_data/caf\u00e9 1.md").write_text("", encoding="utf-8")
    assert run(0.5).exit_code == 0
    assert tool("git status --porcelain") == ""


def test_a_win_over_what_is_live_that_is_none_over_no_tuning_ends_in_a_line(
    made: list[str], tool: Tool
) -> None:
    run(0.5)
    judged = {**json.loads(Path("judged.json").read_text()), "verdict": "INCONCLUSIVE"}
    Path("judged.json").write_text(json.dumps(judged), encoding="utf-8")
    tool("git commit --quiet --all --message=Judge")
    result = run(0.6)
    assert result.exit_code == 0, result.output
    assert "against v1.0.0, live in prod: ndcg@10 0.5195 -> 0.6195" in result.output
    assert "not promoted, since the verdict against no tuning is INCONCLUSIVE." in result.output
    assert tool("git tag").split() == ["stack#prod#1", "stack@v1.0.0"]
    assert tool("git status --porcelain") == ""
    assert "there is nothing to train" in run().output


def test_a_loop_goes_on_where_dvc_named_new_outputs_in_gitignore(
    made: list[str], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = loop.run_make

    def fail(*arguments: str) -> None:
        make(*arguments)
        with Path("models/stack/.gitignore").open("a") as file:
            file.write("/medium\n")  # as DVC does before it runs the stage of another size
        raise InputError("`make train` failed with 2; see its lines above.")

    monkeypatch.setattr(loop, "run_make", fail)
    assert run(0.5).exit_code == 1
    monkeypatch.setattr(loop, "run_make", make)
    result = run(0.5)
    assert result.exit_code == 0, result.output
    assert "stack v1.0.0 is live in prod: " in result.output
    assert tool("git status --porcelain") == ""


def test_a_second_loop_does_not_start(made: list[str]) -> None:
    Path(".scratch").mkdir()
    with Path(".scratch/loop.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run(0.5)
    assert result.stderr.startswith("Error: a loop is running here already")


def test_a_target_that_fails_ends_the_loop(project: Path) -> None:
    with pytest.raises(InputError, match="`make nothing` failed with 2"):
        loop.run_make("nothing")

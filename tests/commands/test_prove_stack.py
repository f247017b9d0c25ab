"""prove_stack trains on other folders of data and judges each as one search; data/ stays."""

import json
import re
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import prove_stack
from commands.prove_stack import main, run_stage, train_once
from findtune.core.errors import InputError


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, run_here: Callable[..., None]) -> list[tuple[str, ...]]:
    """Record the stages that run, in order; they run in this process."""
    started: list[tuple[str, ...]] = []

    def record(project: Path, stage: str, *arguments: str) -> None:
        started.append((stage, *arguments))
        with chdir(project):
            run_here(f"stages.{stage}", *arguments)

    monkeypatch.setattr(prove_stack, "run_stage", record)
    return started


@pytest.mark.slow
def test_a_folder_of_feedback_gets_the_verdict_of_its_stack_and_is_not_trained_twice(
    team: Path, stages: list[tuple[str, ...]]
) -> None:
    before = {path: path.read_bytes() for path in team.rglob("*") if path.is_file()}
    first = CliRunner().invoke(main, ["small", str(team), "--models", "reranker"])
    assert first.exit_code == 0, first.output
    assert stages == [("prepare", "reranker", "small"), ("train", "reranker", "small")] + [
        ("stack", "small")
    ]
    [row] = [line for line in first.stdout.splitlines() if line.startswith("| team |")]
    metrics = json.loads(Path(".scratch/prove/stacks/team/metrics/stack/small.json").read_text())
    assert f"| team | reranker | {metrics['queries']} | {metrics['groups']} |" in row
    assert row.endswith(f"| {metrics['verdict']} |")
    assert re.search(r"\[[+-]0\.\d{4}, [+-]0\.\d{4}\]", row)
    assert Path(".scratch/prove/stacks/table.md").read_text(encoding="utf-8") == first.stdout
    again = CliRunner().invoke(main, ["small", str(team), "--models", "reranker"])
    assert again.stdout == first.stdout
    assert [stage for stage, *_ in stages].count("train") == 1
    assert before == {path: path.read_bytes() for path in team.rglob("*") if path.is_file()}
    assert not Path("metrics").exists()
    assert [*Path("models").iterdir()] == [Path("models/base")]


def test_another_seed_trains_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages: list[str] = []
    monkeypatch.setattr(prove_stack, "run_stage", lambda project, *names: stages.append(names[0]))
    text = Path("params.yaml").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("project/models/reranker").mkdir(parents=True)
    for seed in ("seed: 13\n", "seed: 13\n", "seed: 14\n"):
        Path("params.yaml").write_text(text.replace("seed: 13\n", seed), encoding="utf-8")
        train_once("reranker", "small", Path("project"))
    assert stages == ["prepare", "train", "prepare", "prepare", "train"]


def test_a_stage_that_fails_names_itself_and_its_folder(team: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"prepare reranker small failed in .*; see above\."):
        run_stage(tmp_path, "prepare", "reranker", "small")


def test_a_folder_without_data_is_told_before_another_one_is_trained(
    team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []
    monkeypatch.setattr(prove_stack, "run_stage", lambda project, *names: stages.append(names[0]))
    bare = tmp_path / "bare"
    bare.mkdir()
    result = CliRunner().invoke(main, ["small", str(team), str(bare), "--models", "reranker"])
    assert result.exit_code == 1
    assert f"{bare} has no data for reranker: " in result.stderr
    assert stages == []

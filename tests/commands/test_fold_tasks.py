"""Cross-validation on a cluster runs each fold and seed once, and gives what one machine gives."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from commands import crossvalidate, fold_tasks, prove
from commands.crossvalidate import Run
from commands.fold_tasks import needs_of, run_here
from findtune.cluster.ray_tasks import ADDRESS
from findtune.core.processes import ENGINE

PROJECT = Path(__file__).parents[2]
SETS = ("--folds", "3", "--seeds", "13")


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Choose Ray, and run its tasks here, the last one first; return the list of all runs."""
    started: list[Run] = []

    def run_on_cluster(
        function: Callable[[Run], Any], runs: Sequence[Run]
    ) -> Iterator[tuple[Run, Any]]:
        for run in reversed(runs):
            started.append(run)
            yield run, function(run)

    monkeypatch.setenv(ENGINE, "ray")
    monkeypatch.setattr(fold_tasks, "run_on_cluster", run_on_cluster)
    return started


def test_a_cluster_cross_validates_each_fold_once_and_goes_on_where_it_stopped(
    backwards: list[Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run_fold(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
        value = run.fold / 10
        measures = {"queries": 10, "tuned recall@10": value, "base recall@10": 0.5}
        return pd.DataFrame([measures]), pd.DataFrame()

    monkeypatch.setattr(crossvalidate, "run_fold", run_fold)
    arguments = ["reranker", "small", "--folds", "3", "--out", str(tmp_path), "--seeds"]

    def run_seeds(seeds: str) -> str:
        result = CliRunner().invoke(crossvalidate.main, [*arguments, seeds], catch_exceptions=False)
        return result.output

    run_seeds("13")
    output = run_seeds("13,14")
    assert "6 runs, 2 seeds" in output and "[3/3] seed 14, fold 0" in output
    assert [(run.seed, run.fold) for run in backwards] == [
        (seed, fold) for seed in (13, 14) for fold in (2, 1, 0)
    ]
    rows = crossvalidate.read_table(tmp_path / "runs.csv")
    assert [*rows["tuned recall@10"]] == [0.2, 0.1, 0.0] * 2
    assert [*rows["fold"]] == [2, 1, 0] * 2


def test_a_cluster_proves_each_fold_of_each_model_and_tells_whose_it_is(
    team: Path, backwards: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def query_values(run: Run) -> pd.DataFrame:
        rows = [[query, f"{run.fold} {query}"] for query in range(2)]
        return pd.DataFrame(rows, columns=["query", "group"])

    monkeypatch.setattr(prove, "query_values", query_values)
    monkeypatch.setattr(prove, "table_text", lambda *_: "table")
    result = CliRunner().invoke(
        prove.main,
        ["small", str(team), "--models", "reranker,rewriter", *SETS],
        catch_exceptions=False,
    )
    assert "[1/6] team rewriter, seed 13, fold 2: 2 queries" in result.stderr
    assert "[6/6] team reranker, seed 13, fold 0: 2 queries" in result.stderr
    for model in ("reranker", "rewriter"):
        rows = pd.read_csv(f".scratch/prove/runs/team-{model}.csv")
        assert [*rows["fold"]] == [2, 2, 1, 1, 0, 0]


def test_a_number_of_jobs_is_refused_on_a_cluster(team: Path, backwards: list[Run]) -> None:
    arguments = ["small", str(team), "--models", "reranker", *SETS, "--jobs", "2"]
    result = CliRunner().invoke(prove.main, arguments)
    assert result.exit_code == 1
    assert result.stderr.endswith("as many trainings as the cluster has processors for.\n")
    assert "Error: --jobs is 2, which is for one machine" in result.stderr
    assert backwards == []


def test_a_run_needs_its_params_its_bases_and_its_clean_data_under_names_of_a_project(
    team: Path,
) -> None:
    data = team.parent / "sets" / "other"
    copytree(team, data / "clean" / "reranker")
    run = Run("reranker", "small", 1 / 3, fold=0, seed=13, data=data)
    files, threads = needs_of(run)
    clean = "data/clean/reranker/reranker_training_data.json"
    assert files[clean] == data / "clean" / "reranker" / "reranker_training_data.json"
    assert files["params.yaml"] == Path("params.yaml")
    for model in ("embedder", "reranker"):
        assert f"models/base/{model}/small/model.safetensors" in files
    assert not any("rewriter" in name.split("/") for name in files)
    assert (
        threads == yaml.safe_load(Path("params.yaml").read_text())["reranker"]["small"]["threads"]
    )
    assert run_here(lambda here: here.data, run) == Path("data")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed")
@pytest.mark.parametrize("command", ["prove", "crossvalidate"])
def test_ray_trains_as_one_machine_does(team: Path, command: str) -> None:
    if command == "crossvalidate":
        run_command("prove", "local", str(team), "--models", "reranker", *SETS, "--out", "sets")
        Path("data/clean").mkdir()
        copytree("sets/sets/team/clean/reranker", "data/clean/reranker")
    names = {"prove": "runs/team-reranker.csv", "crossvalidate": "runs.csv"}
    subject = ("reranker",) if command == "crossvalidate" else ()
    rest = () if subject else (str(team), "--models", "reranker")
    tables = []
    for engine in ("local", "ray"):
        # the same folder, since a record is named by its file
        run_command(command, engine, *rest, *SETS, "--out", "out", model=subject)
        table = pd.read_csv(Path("out", names[command]))
        Path("out").rename(engine)
        table = table.drop(columns=[name for name in table if "seconds" in name])
        tables.append(table.sort_values(["fold"], kind="stable").reset_index(drop=True))
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert len(tables[0]) >= 3


def run_command(command: str, engine: str, *arguments: str, model: Sequence[str] = ()) -> None:
    """Run a command as a user does, with a Ray that it starts itself or without."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), ENGINE: engine, ADDRESS: ""}
    line = [sys.executable, "-m", f"commands.{command}", *model, "small", *arguments]
    result = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr

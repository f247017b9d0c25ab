"""bench prints the table of what was run, and stops at what is missing or fails."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands import bench, bench_contestant
from findtune.benchmark.result import Result
from findtune.benchmark.turns import ContestantError
from findtune.core.files import read_json
from findtune.core.manifest import STAND_IN


@pytest.fixture
def folders(project: Path) -> Path:
    """Enter a project with empty folders where models and examples lie."""
    for room in ("embedder", "reranker", "rewriter"):
        (project / "models" / room / "small").mkdir(parents=True)
        (project / "data" / "examples" / room / "small").mkdir(parents=True)
    return project


def run_apart(rates: dict[str, float]) -> Any:
    return lambda command, name, contestant: Result({"texts/s": rates[contestant]}, {}, 10**9)


def test_the_table_is_printed_and_written(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "run_apart", run_apart({"ours": 200, "stock": 100}))
    result = CliRunner().invoke(
        bench.main, ["small", "--only", "encoding", "--out", "out/table.md"]
    )
    assert "| texts/s | 200 | 100 | 2.00 | 2.00 to 2.00 | 1.00 | 1.00 |" in result.stdout
    assert "Measured on " in result.stdout
    assert Path("out/table.md").read_text(encoding="utf-8") == result.stdout
    assert "encoding: stock, run 2 of 5" in result.stderr


def test_a_missing_model_stops_it_before_anything_runs(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "run_apart", run_apart({}))
    result = CliRunner().invoke(bench.main, ["small"])
    assert result.exit_code == 1
    message = "there is no models/stack/small; `make train SIZE=small` makes it."
    assert result.output == f"Error: {message}\n"


def test_a_contestant_that_fails_is_one_line_and_an_exit_code(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[str], name: str, contestant: str) -> Result:
        raise ContestantError(f"{name}: {contestant} ended with 1: RuntimeError: too large")

    monkeypatch.setattr(bench, "run_apart", fail)
    result = CliRunner().invoke(bench.main, ["small", "--only", "encoding"])
    assert result.exit_code == 1
    assert result.output == "Error: encoding: ours ended with 1: RuntimeError: too large\n"


def test_a_contestant_writes_its_result_and_its_memory(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from findtune.benchmark import encoding

    monkeypatch.setattr(bench_contestant, "keep_freed_memory", lambda: None)
    monkeypatch.setitem(encoding.CONTESTANTS, "ours", lambda project: Result({"texts/s": 5}, {}))
    command = ["small", "encoding", "ours", "result.json"]
    assert CliRunner().invoke(bench_contestant.main, command).exit_code == 0
    result = Result(**read_json(Path("result.json")))
    assert result.rates == {"texts/s": 5}
    assert result.peak_bytes > 10_000_000


def test_a_model_that_is_not_trained_leaves_out_what_needs_it(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("reranker", "rewriter"):
        for parent in ("models", "data/examples"):
            (folders / parent / room / "small" / STAND_IN).touch()
    rates = {"ours": 200.0, "stock": 100.0, "stock_256": 50.0}
    monkeypatch.setattr(bench, "run_apart", run_apart(rates))
    result = CliRunner().invoke(bench.main, ["small"])
    assert result.exit_code == 0, result.output
    assert {line.split(":")[1] for line in result.stderr.splitlines()} == {
        " matrix products",
        " embedder training",
        " encoding",
        " one question is left out, since the reranker is not trained",
        " reranker training is left out, since the reranker is not trained",
        " rewriting is left out, since the rewriter is not trained",
        " reranking is left out, since the reranker is not trained",
    }
    result = CliRunner().invoke(bench.main, ["small", "--only", "reranking"])
    assert result.stderr == (
        "Error: reranking needs the reranker, which is not trained; add it to models in "
        "params.yaml, or leave this comparison out.\n"
    )


def test_a_comparison_needs_its_own_models_and_examples_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for parent in ("models", "data/examples"):
        (project / parent / "embedder" / "small").mkdir(parents=True)
    monkeypatch.setattr(bench, "run_apart", run_apart({"ours": 200, "stock": 100}))
    assert CliRunner().invoke(bench.main, ["small", "--only", "encoding"]).exit_code == 0

"""The stage report writes one page from what the other stages left."""

from pathlib import Path
from shutil import rmtree

import pytest
import yaml
from click.testing import CliRunner, Result

from findtune.core.files import sha256, write_json
from stages.report import main


@pytest.fixture
def project(judged_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a project in which everything was judged."""
    monkeypatch.chdir(judged_project)
    return judged_project


def run() -> Result:
    return CliRunner().invoke(main, ["small"])


def set_examples(value: object) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["report"]["examples"] = value
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def page() -> str:
    return Path("metrics", "report-small.html").read_text(encoding="utf-8")


def test_the_stage_prints_the_path_of_the_page_alone(project: Path) -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "metrics/report-small.html\n"
    assert page().startswith("<!doctype html>\n")


def test_the_same_files_give_the_same_bytes(project: Path) -> None:
    run()
    first = page()
    assert run().exit_code == 0
    assert page() == first
    assert str(project) not in first


def test_the_number_of_texts_comes_from_params(project: Path) -> None:
    run()
    assert "unhappy bakers" in page()
    set_examples(1)
    run()
    assert "unhappy bakers" not in page()
    assert "&lt;img src=x" in page()


@pytest.mark.parametrize("value", [-1, "all", None])
def test_a_number_of_texts_that_is_none_is_one_line(project: Path, value: object) -> None:
    set_examples(value)
    result = run()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: params.yaml: report.examples is ")
    assert result.stderr.count("\n") == 1


def refused() -> str:
    """Run the stage, which writes no page; return the one line that says why."""
    result = run()
    assert result.exit_code == 1
    assert not Path("metrics", "report-small.html").exists()
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("model", ["embedder", "reranker", "rewriter"])
def test_measures_do_not_stand_beside_the_questions_of_other_examples(
    project: Path, model: str
) -> None:
    test = Path("data/examples", model, "small/test.jsonl")
    facts = {"best_step": 4, "precision": "fp32", "examples": {"test.jsonl": sha256(test)}}
    write_json(Path("models", model, "small/training.json"), facts)
    assert run().exit_code == 0
    Path("metrics/report-small.html").unlink()
    lines = test.read_text(encoding="utf-8").splitlines(keepends=True)
    test.write_text("".join(reversed(lines)), encoding="utf-8")
    assert refused().startswith(
        f"Error: {test} has changed since the {model} was trained, so the measures are of other"
    )


@pytest.mark.parametrize(
    ("model", "line", "reason"),
    [
        ("embedder", 0, "has 1 questions, of which 2 were measured"),
        ("embedder", 2, "has 1 scored pairs, of which 2 were measured"),
        ("reranker", 1, "has 1 questions, of which 2 were measured"),
        ("rewriter", 1, "has 0 questions, of which 1 were measured"),
    ],
)
def test_measures_of_more_or_fewer_questions_than_there_are_are_refused(
    project: Path, model: str, line: int, reason: str
) -> None:
    test = Path("data/examples", model, "small/test.jsonl")
    lines = test.read_text(encoding="utf-8").splitlines(keepends=True)
    test.write_text("".join([*lines[:line], *lines[line + 1 :]]), encoding="utf-8")
    assert reason in refused()


def test_what_is_missing_is_said_and_the_rest_is_reported(project: Path) -> None:
    rmtree("models/rewriter")
    rmtree("metrics/stack")
    result = run()
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "rewriter is not in the report: there is no models/rewriter/small/history.csv",
        "stack is not in the report: there is no metrics/stack/small.json",
    ]


def test_without_any_model_there_is_no_report_but_one_line(project: Path) -> None:
    rmtree("metrics")
    result = run()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no model of small can be reported: ")
    assert "`make train SIZE=small`" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("metrics", "report-small.html").exists()

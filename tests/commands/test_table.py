"""table prints measures, and writes those of the named models into a document."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from commands.table import STALE, main
from findtune.report.markdown import END, START

DATA = Path(__file__).parents[1] / "data"
METRICS = yaml.safe_load((DATA / "metrics.yaml").read_text(encoding="utf-8"))


def write_metrics(project: Path, model: str, tuned: float, **changes: Any) -> None:
    path = project / "metrics" / model / "small.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    metrics = METRICS | {"tuned": {"recall@10": tuned}} | changes
    path.write_text(json.dumps(metrics), encoding="utf-8")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_all_measures_of_each_model_are_printed(project: Path) -> None:
    for model in ("embedder", "reranker"):
        write_metrics(project, model, 0.6)
    printed = run("embedder/small", "reranker/small")
    assert re.findall("^### (.*)", printed, re.MULTILINE) == ["embedder/small", "reranker/small"]
    assert printed.count("| recall@10 | 0.7000 | 0.2000 | 0.6000 | +0.4000 |") == 2


@pytest.mark.parametrize("form", [(), ("--summary",)])
def test_writing_one_model_keeps_what_the_document_says_of_others(
    project: Path, form: tuple[str, ...]
) -> None:
    document = project / "README.md"
    document.write_text(f"before\n{START}\n{END}\nafter\n", encoding="utf-8")
    for model in ("embedder", "reranker"):
        write_metrics(project, model, 0.6)
    run("embedder/small", "reranker/small", *form, "--into", "README.md")
    (project / "metrics" / "reranker" / "small.json").unlink()
    write_metrics(project, "embedder", 0.77)
    run("embedder/small", *form, "--into", "README.md")
    updated = document.read_text(encoding="utf-8")
    assert (updated.count("0.6000"), updated.count("0.7700")) == (1, 1)
    assert updated.index("embedder/small") < updated.index("reranker/small")
    assert updated.startswith("before\n")
    assert updated.endswith("\nafter\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["embedder/small"],
            "there is no metrics/embedder/small.json; `make train SIZE=small` makes it.",
        ),
        (["reranker/small", "--into", "no.md"], "there is no file no.md; --into takes a Markdown"),
        (["reranker/small", "--into", "params.yaml"], "the document has no place for the table"),
    ],
)
def test_a_missing_file_or_marker_is_one_line(
    project: Path, arguments: list[str], message: str
) -> None:
    write_metrics(project, "reranker", 0.6)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_test_on_few_questions_is_warned_of_with_the_smallest_effect_that_it_can_show(
    project: Path,
) -> None:
    difference = METRICS["difference"] | {"minimum_detectable_effect": 0.125}
    write_metrics(project, "embedder", 0.6, queries=50, difference=difference)
    write_metrics(project, "reranker", 0.6, queries=49, difference=difference)
    result = CliRunner().invoke(main, ["embedder/small", "reranker/small"])
    assert result.stderr == (
        "warning: reranker/small was tested on only 49 questions, and so few can't show a "
        "difference below 0.1250 of recall@10; add data, or test on all of it in turn: "
        "make crossvalidate.\n"
    )


def test_metrics_with_the_marks_of_a_merge_conflict_are_named_in_one_line(project: Path) -> None:
    write_metrics(project, "embedder", 0.6)
    path = project / "metrics" / "embedder" / "small.json"
    path.write_text("{\n<<<<<<< HEAD\n" + path.read_text("utf-8"), encoding="utf-8")
    result = CliRunner().invoke(main, ["embedder/small"])
    assert result.exit_code == 1
    assert result.output.startswith(
        "Error: metrics/embedder/small.json is not JSON (line 2); is it "
    )
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda: None, False),
        (lambda: Path("weights.txt").write_text("edited, and not trained"), True),
        (lambda: Path("dvc.lock").unlink(), True),
        (lambda: Path("dvc.yaml").write_text("stages: ["), True),
        (lambda: shutil.rmtree(".dvc"), True),
    ],
    ids=["nothing", "an edit", "no dvc.lock", "a dvc.yaml that is none", "no DVC"],
)
def test_measures_that_are_not_of_what_is_here_are_told(
    tiny_project: Path, change: Callable[[], object], stale: bool
) -> None:
    write_metrics(tiny_project, "reranker", 0.6)
    change()
    for _ in range(2):  # asked, and remembered
        result = CliRunner().invoke(main, ["reranker/small", "--check"], catch_exceptions=False)
        assert result.exit_code == 0
        assert (STALE in result.stderr) == stale
        assert "| recall@10 |" in result.stdout


def test_a_document_that_is_not_utf_8_is_named_in_one_line(project: Path) -> None:
    write_metrics(project, "reranker", 0.6)
    Path("README.md").write_text("Café", encoding="latin-1")
    result = CliRunner().invoke(main, ["reranker/small", "--into", "README.md"])
    assert result.stderr == "Error: README.md is not UTF-8 (byte 3); save it as UTF-8.\n"
    assert result.exit_code == 1


def test_many_questions_of_few_topics_are_warned_of(project: Path) -> None:
    write_metrics(project, "embedder", 0.6, queries=60, groups=3)
    result = CliRunner().invoke(main, ["embedder/small"])
    assert result.stderr.startswith(
        "warning: embedder/small was tested on only 3 different questions; add data"
    )

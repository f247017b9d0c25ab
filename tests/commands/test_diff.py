"""diff shows in a few lines what a commit changed in the decisive measures."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from commands.diff import main

METRICS = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "metrics.yaml").read_text(encoding="utf-8")
)
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def write_metrics(model: str, **changes: Any) -> None:
    path = Path("metrics", model, "small.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(METRICS | changes), encoding="utf-8")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["small", "embedder", *arguments])


def commit() -> None:
    for command in (["add", "-A"], ["commit", "--quiet", "-m", "Train"]):
        subprocess.run([*GIT, *command], check=True)


@pytest.fixture
def repository(project: Path) -> Path:
    """Enter a repository with the metrics of an embedder."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    write_metrics("embedder")
    commit()
    return project


def test_the_decisive_measure_and_the_verdict_are_shown_before_and_after(repository: Path) -> None:
    difference = {**METRICS["difference"], "mean": -0.2, "ci_low": -0.3, "ci_high": -0.1}
    tuned = {"tuned": {"recall@10": 0.375}, "difference": difference, "verdict": "REGRESSION"}
    write_metrics("embedder", **tuned)
    _, _, row, *rest = run().output.splitlines()
    assert row == (
        "| embedder/small | recall@10 | 0.5000 | 0.3750 | -0.1250 "
        "| -0.2000 [-0.3000, -0.1000] | WIN -> REGRESSION |"
    )
    assert rest[-1] == "All measures: dvc metrics diff HEAD"


def test_a_stack_that_the_commit_lacks_has_a_row_without_a_change(repository: Path) -> None:
    stack = {"chosen": {"recall@10": 0.75}, "untuned": {"recall@10": 0.5}}
    write_metrics("stack", **stack)
    *_, row = [line for line in run().output.splitlines() if line.startswith("|")]
    assert row.startswith("| stack/small | recall@10 | none | 0.7500 |  | ")
    commit()
    assert run().output == "No measure differs from HEAD.\n"
    assert "| none | 0.7500 |" in run("--base", "HEAD~1").output


def test_another_number_of_questions_is_warned_of(repository: Path) -> None:
    assert "warning" not in run().output
    write_metrics("embedder", queries=8)
    assert "was tested on 9 questions then and 8 now" in run().output


def test_an_older_form_is_not_compared_and_an_unknown_commit_is_one_line(repository: Path) -> None:
    write_metrics("embedder")
    path = Path("metrics/embedder/small.json")
    path.write_text('{"base": {}}', encoding="utf-8")
    commit()
    write_metrics("embedder")
    assert "| recall@10 | none | 0.5000 |  |" in run().output
    result = run("--base", "nowhere")
    assert result.stderr.startswith("Error: git knows no commit nowhere here")
    assert result.exit_code == 1

"""The report is written again only while its questions are those that were measured."""

from pathlib import Path

import pytest
import yaml
from click import Command
from click.testing import CliRunner

from commands import diff, monitor
from commands.report import main
from findtune.core import params

EXAMPLES = "data/examples/embedder/small"


@pytest.mark.parametrize("name", ["embedder", "stack"])
@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ("a.dir", "no model of small can be reported: there is no metrics/"),  # by the stage
        ("b.dir", f"{EXAMPLES} was made again since the NAME was measured; `make train SIZE="),
    ],
)
def test_examples_that_were_made_again_are_no_questions_of_the_measures(
    project: Path, measured: str, message: str, name: str
) -> None:
    with Path("params.yaml").open("a", encoding="utf-8") as file:
        file.write("report: {examples: 0}\n")
    assert "embedder" in params.read("models", list[str])
    stages = {
        "prepare@embedder-small": {"outs": [{"path": EXAMPLES, "md5": "a.dir"}]},
        "evaluate@embedder-small": {
            "deps": [{"path": EXAMPLES, "md5": measured}],
            "outs": [{"path": f"metrics/{name}/small.json", "md5": "c"}],
        },
    }
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    result = CliRunner().invoke(main, ["small"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {message.replace('NAME', name)}")


@pytest.mark.parametrize("command", [main, monitor.main, diff.main])
def test_a_size_that_no_training_can_make_is_refused_by_name(
    project: Path, command: Command
) -> None:
    arguments = ["huge", "embedder"] if command is diff.main else ["huge"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1
    assert result.stderr == "Error: params.yaml has no size huge; its sizes are small, medium.\n"


def test_measures_with_the_marks_of_a_merge_are_one_line(project: Path) -> None:
    with Path("params.yaml").open("a", encoding="utf-8") as file:
        file.write("report: {examples: 0}\n")
    files = ("metrics/embedder/small.json", "models/embedder/small/history.csv")
    for name in (*files, f"{EXAMPLES}/test.jsonl"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("<<<<<<< HEAD\n", encoding="utf-8")
    Path("dvc.lock").write_text("stages: {}\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["small"])
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: metrics/embedder/small.json is not JSON (line 1); is it"
    )

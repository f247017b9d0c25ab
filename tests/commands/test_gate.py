"""The gates of a pull request pass in a clone without data, and fail for a reason."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from commands.gate import GATES, main

Tool = Callable[[str], str]


@pytest.fixture
def clone(tiny_project: Path, tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a clone that has nothing but what git keeps, of a project with a remote."""
    tool("dvc remote add --default shared ../remote")
    tool("git commit --quiet --all --message=Remote")
    tool("dvc push --quiet")
    tool(f"git clone --quiet . {tmp_path}/clone")
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return tmp_path / "clone"


def gate(name: str) -> Result:
    return CliRunner().invoke(main, [name])


def test_both_gates_pass_in_a_clone_without_data(clone: Path) -> None:
    assert not Path("models/stack/small").exists()
    for name, (_, passed, _) in GATES.items():
        result = gate(name)
        assert (result.exit_code, result.stdout) == (0, f"{passed}\n"), result.output


def test_an_edit_without_a_run_is_not_current(clone: Path) -> None:
    Path("weights.txt").write_text("edited, and not trained")
    result = gate("current")
    assert result.exit_code == 1
    assert "train@embedder-small is no longer up to date: run `make train`" in result.stderr


def test_a_lock_of_two_runs_is_not_current(clone: Path) -> None:
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    lock["stages"]["train@embedder-small"]["outs"][0]["md5"] = "0" * 32 + ".dir"
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert "models/embedder/small has changed since another stage read it" in gate("current").stderr


@pytest.mark.parametrize("spoil", ["edit", "forget"])
def test_measures_that_are_not_those_of_the_lock_are_not_current(clone: Path, spoil: str) -> None:
    path = Path("metrics/stack/small.json")
    if spoil == "edit":
        path.write_text(path.read_text().replace("0.75", "0.95"))
    else:
        path.unlink()
    result = gate("current")
    assert result.exit_code == 1
    expected = {"edit": "is no longer up to date", "forget": "lacks metrics/stack/small.json"}
    assert result.stderr.startswith(f"Error: stack@small {expected[spoil]}: run `make train`")


@pytest.mark.parametrize("name", ["current", "published"])
def test_a_pipeline_that_dvc_cannot_read_is_one_line(clone: Path, name: str) -> None:
    with Path("dvc.yaml").open("a") as file:
        file.write("stages: [\n")
    result = gate(name)
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: .*'dvc.yaml'.*\n", result.stderr)


@pytest.mark.parametrize(
    ("pattern", "name"), [("*/*.dir", "models/"), ("aa/*", "models/embedder/small/weights.txt")]
)
def test_what_was_not_pushed_is_named(clone: Path, pattern: str, name: str) -> None:
    for path in Path("../remote/files/md5").glob(pattern):
        path.unlink()
    result = gate("published")
    assert result.exit_code == 1
    assert name in result.stderr
    assert "`make push`" in result.stderr


def test_without_a_remote_nothing_can_be_published(tiny_project: Path) -> None:
    assert "no DVC remote is set; `make remote URL=...`" in gate("published").stderr


@pytest.fixture
def without_feedback(clone: Path, tool: Tool) -> Path:
    """Let DVC track the feedback, which a stage reads; return its folder, which is not there."""
    folder = Path("data/training_data")
    folder.mkdir(parents=True)
    (folder / "log.json").write_text("{}")
    tool("dvc add --quiet data/training_data")
    stages = yaml.safe_load(Path("dvc.yaml").read_text())
    stages["stages"]["train"]["deps"].append(folder.as_posix())
    Path("dvc.yaml").write_text(yaml.safe_dump(stages))
    tool("dvc repro --quiet")
    shutil.rmtree(folder)
    return folder


def test_data_that_only_dvc_keeps_and_that_are_missing_are_named(without_feedback: Path) -> None:
    result = gate("current")
    assert (result.exit_code, result.stdout) == (0, "every stage is up to date\n"), result.output
    assert result.stderr == "there is no data/training_data here; `make pull` fetches it.\n"


@pytest.mark.parametrize("name", ["current", "trained"])
def test_other_data_than_those_that_the_stages_read_are_not_current_though_they_are_missing(
    without_feedback: Path, name: str
) -> None:
    pointer = Path("data/training_data.dvc")
    content = yaml.safe_load(pointer.read_text())
    content["outs"][0]["md5"] = "0" * 32 + ".dir"
    pointer.write_text(yaml.safe_dump(content))
    result = gate(name)
    assert result.exit_code == 1
    assert "data/training_data has changed since another stage read it: run" in result.stderr


def test_the_workflow_runs_the_gates_and_only_targets_of_the_makefile() -> None:
    root = Path(__file__).parents[2]
    workflow = yaml.safe_load((root / ".github/workflows/check.yaml").read_text())
    steps = workflow["jobs"]["check"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    targets = re.findall(r"^make (?:--silent )?(\w+)", commands, re.MULTILINE)
    assert {"check", "test", "current", "published", "comment"} <= {*targets}
    makefile = (root / "Makefile").read_text()
    assert all(f"\n{target}: " in makefile for target in targets)

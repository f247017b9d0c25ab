"""Feedback that DVC tracks is in no new commit, and the stages read it as before."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from commands import private
from commands.private import FEEDBACK, main
from findtune.core.errors import InputError
from findtune.health.missing import POINTER, refuse_unfetched_feedback
from findtune.tracking import git
from findtune.tracking.hashing import object_path
from findtune.tracking.lock import read_pointer

Tool = Callable[[str], str]
LOG = FEEDBACK / "reranker_training_data.json"


@pytest.fixture
def feedback(tiny_project: Path, tool: Tool) -> Path:
    """Enter a project whose feedback was committed; return its file."""
    LOG.parent.mkdir(parents=True)
    LOG.write_text('{"reranker_data": []}')
    tool("git add --all")
    tool("git commit --quiet --message=Feedback")
    return LOG


def test_git_keeps_only_the_md5_and_the_file_stays(feedback: Path, tool: Tool) -> None:
    before = feedback.read_bytes()
    result = CliRunner().invoke(main)
    assert result.exit_code == 0, result.output
    assert "Earlier commits still have 1 of its files." in result.stdout
    tool("git commit --quiet --message=Private")
    assert tool("git ls-tree -r --name-only HEAD data").split() == [
        "data/.gitignore",
        "data/training_data.dvc",
    ]
    assert feedback.read_bytes() == before
    assert tool("git status --porcelain") == ""


def test_new_feedback_is_no_change_for_git_and_one_for_dvc(feedback: Path, tool: Tool) -> None:
    CliRunner().invoke(main)
    tool("git commit --quiet --message=Private")
    feedback.with_name("corpus.jsonl").write_text("{}\n")
    assert tool("git status --porcelain") == ""
    assert "data/training_data" in tool("dvc status data/training_data.dvc")
    assert CliRunner().invoke(main).exit_code == 0
    assert tool("git status --porcelain").split() == ["M", "data/training_data.dvc"]


def test_if_dvc_cannot_add_it_git_keeps_it(feedback: Path, tool: Tool) -> None:
    Path(".dvc/config").write_text("[cache]\n    dir = /dev/null\n")
    result = CliRunner().invoke(main)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: DVC can't add data/training_data: ")
    assert len(result.stderr.splitlines()) == 1
    assert tool("git ls-files data").split() == [LOG.as_posix()]


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, SystemExit, MemoryError, OSError])
def test_if_dvc_is_stopped_git_keeps_it(
    feedback: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch, stopped: type[BaseException]
) -> None:
    def add(_: str) -> None:
        assert tool("git ls-files data") == ""
        raise stopped

    repo = SimpleNamespace(add=add)
    monkeypatch.setattr(private, "open_repo", lambda: repo)
    result = CliRunner().invoke(main)
    assert result.exit_code == (0 if stopped is SystemExit else 1)  # as it was raised
    assert ("Error: DVC can't add" in result.stderr) == issubclass(stopped, Exception)
    assert tool("git status --porcelain") == ""
    assert tool("git ls-files data").split() == [LOG.as_posix()]


def test_if_git_is_stopped_before_it_has_the_md5_it_keeps_the_feedback(
    feedback: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_git(root: Path, *arguments: str) -> Any:
        if arguments[0] == "add":
            raise KeyboardInterrupt
        return git.run_git(root, *arguments)

    monkeypatch.setattr(private, "run_git", run_git)
    assert CliRunner().invoke(main).exit_code == 1
    assert tool("git ls-files data").split() == [LOG.as_posix()]


def test_without_feedback_there_is_one_line(tiny_project: Path) -> None:
    result = CliRunner().invoke(main)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: there is no data/training_data; put your feedback")


def test_outside_git_there_is_one_line_that_says_so(feedback: Path) -> None:
    rmtree(".git")
    result = CliRunner().invoke(main)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: this folder is in no git repository; run: git init")


def clone_without_pull(tool: Tool) -> None:
    """Make the folder as a clone has it: the pointer, but neither the feedback nor the cache."""
    CliRunner().invoke(main)
    tool("git commit --quiet --message=Private")
    rmtree(FEEDBACK)
    rmtree(".dvc/cache")


@pytest.mark.parametrize("there", [[], ["new.jsonl"], ["new.jsonl", LOG.name]])
def test_a_clone_that_was_not_pulled_does_not_shrink_what_is_private(
    feedback: Path, tool: Tool, there: list[str]
) -> None:
    clone_without_pull(tool)
    for name in there:
        FEEDBACK.mkdir(exist_ok=True)
        (FEEDBACK / name).write_text("{}\n")
    result = CliRunner().invoke(main)
    assert result.exit_code == 1
    assert "; `make pull`" in result.stderr
    assert tool("git status --porcelain") == ""


def test_feedback_that_is_here_can_be_changed_and_deleted(feedback: Path, tool: Tool) -> None:
    refuse_unfetched_feedback()  # before it is private, git has it
    feedback.with_name("old.jsonl").write_text("{}\n")
    CliRunner().invoke(main)
    refuse_unfetched_feedback()
    feedback.write_text("{}")
    feedback.with_name("old.jsonl").unlink()
    assert CliRunner().invoke(main).exit_code == 0
    tool("git commit --quiet --message=Private")
    rmtree(".dvc/cache")  # as after `dvc gc`: the feedback itself is as the pointer says
    refuse_unfetched_feedback()


def test_a_fetch_that_ended_between_two_files_is_not_taken_for_all(
    feedback: Path, tool: Tool
) -> None:
    feedback.with_name("new.jsonl").write_text("{}\n")
    CliRunner().invoke(main)
    for path in Path(".dvc/cache").rglob("*"):
        if path.is_file() and path.read_bytes() == feedback.read_bytes():
            path.unlink()
    feedback.unlink()
    with pytest.raises(InputError, match="lacks files that .* names; `make pull` first"):
        refuse_unfetched_feedback()


NOT_TOLD = (
    "it is unclear whether data/training_data has all files that data/training_data.dvc names; "
    "`make pull`, or, if they are all here, `dvc add data/training_data`."
)


@pytest.mark.parametrize("listing", ["absent", "cut off", "empty", "something else"])
def test_without_the_list_of_its_files_feedback_can_be_added_as_it_is(
    feedback: Path, tool: Tool, listing: str
) -> None:
    CliRunner().invoke(main)
    tool("git commit --quiet --message=Private")
    [digest] = read_pointer(POINTER).outs.values()
    path = object_path(Path(".dvc/cache/files/md5"), digest)
    path.chmod(0o644)
    contents = {"cut off": path.read_text()[:-9], "empty": "", "something else": '[{"a": 1}]'}
    path.write_text(contents.get(listing, ""))
    if listing == "absent":
        rmtree(".dvc/cache")
    refuse_unfetched_feedback()  # the bytes are those of the pointer
    feedback.with_name("new.jsonl").write_text("{}\n")
    result = CliRunner().invoke(main)
    assert (result.exit_code, result.stderr) == (1, f"Error: {NOT_TOLD}\n")
    assert tool("git status --porcelain") == ""
    tool("dvc add --quiet data/training_data")
    refuse_unfetched_feedback()


def test_feedback_that_was_an_empty_folder_can_be_filled(tiny_project: Path) -> None:
    FEEDBACK.mkdir(parents=True)
    assert CliRunner().invoke(main).exit_code == 0
    LOG.write_text("{}")
    refuse_unfetched_feedback()
    rmtree(".dvc/cache")
    refuse_unfetched_feedback()

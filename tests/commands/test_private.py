"""Feedback that DVC tracks is in no new commit, and the stages read it as before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.private import FEEDBACK, main

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
    assert CliRunner().invoke(main).exit_code != 0
    assert tool("git ls-files data").split() == [LOG.as_posix()]


def test_without_feedback_there_is_one_line(tiny_project: Path) -> None:
    result = CliRunner().invoke(main)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: there is no data/training_data; put your feedback")

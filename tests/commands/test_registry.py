"""promote, rollback and history print what is live and what to publish."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands import diff, history, promote, rollback
from findtune.tracking.git import NO_REPOSITORY

ROOT = Path.cwd()


def test_a_promotion_says_how_to_publish_it_and_shows_in_the_history(tiny_project: Path) -> None:
    result = CliRunner().invoke(promote.main, ["stack", "small", "prod"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("stack v1.0.0 is live in prod: ndcg@10 0.5000 -> 0.7500")
    assert "git push --atomic origin 'stack@v1.0.0' 'stack#prod#1'" in result.stdout
    shown = CliRunner().invoke(history.main)
    assert "| stack | prod | v1.0.0 | " in shown.stdout


def test_outside_git_there_is_one_line(tiny_project: Path) -> None:
    shutil.rmtree(".git")
    calls = (
        (history.main, ""),
        (rollback.main, "stack prod"),
        (promote.main, "stack small prod"),
        (diff.main, "small embedder"),
    )
    for main, arguments in calls:
        result = CliRunner().invoke(main, arguments)
        assert result.stderr == f"Error: {NO_REPOSITORY}\n"


@pytest.mark.parametrize("stage", ["", " ", "prod 2", "prod#1", "-prod"])
def test_a_stage_that_no_tag_can_name_is_named(tiny_project: Path, stage: str) -> None:
    calls = ((rollback.main, ["stack"]), (promote.main, ["stack", "small"]))
    for main, arguments in calls:
        result = CliRunner().invoke(main, ["--", *arguments, stage])
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: STAGE: Invalid value {stage!r}. Only letters")
        assert len(result.stderr.splitlines()) == 1


def test_of_two_who_promote_at_once_the_second_publishes_nothing(
    tiny_project: Path, tool: Callable[[str], str], tmp_path: Path
) -> None:
    result = CliRunner().invoke(promote.main, ["stack", "small", "prod"])
    [command] = re.findall(r"&& (git push .*)", result.stdout)
    tool(f"git clone --quiet --bare . {tmp_path}/origin")
    tool(f"git -C {tmp_path}/origin tag --delete stack@v1.0.0 stack#prod#1")
    tool(f"git -C {tmp_path}/origin -c user.name=a -c user.email=a@b tag -m Other stack@v1.0.0")
    tool(f"git remote add origin {tmp_path}/origin")
    assert subprocess.run(command, shell=True, capture_output=True).returncode != 0
    assert tool(f"git -C {tmp_path}/origin tag").split() == ["stack@v1.0.0"]


@pytest.mark.parametrize("known", ["user.name", "user.email", ""])
def test_if_git_does_not_know_who_you_are_the_commands_to_run_are_named(
    tiny_project: Path, tool: Callable[[str], str], tmp_path: Path, known: str
) -> None:
    for key in {"user.name", "user.email"} - {known}:
        tool(f"git config --unset {key}")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "commands.promote", "stack", "small", "prod"]
    run = subprocess.run(command, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert run.returncode == 1
    assert run.stderr.decode() == (
        "Error: git does not know who you are; run: git config user.name NAME && "
        "git config user.email ADDRESS\n"
    )
    assert tool("git tag") == ""


def test_a_refusal_is_one_line(tiny_project: Path) -> None:
    result = CliRunner().invoke(rollback.main, ["stack", "prod"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: nothing of stack is live in prod")
    assert "`make promote` makes one" in CliRunner().invoke(history.main).stderr

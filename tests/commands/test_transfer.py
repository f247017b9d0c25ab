"""What is published and fetched goes over the remote, and without one the command is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.transfer import main


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_without_a_remote_the_command_that_sets_one_is_named(
    tiny_project: Path, direction: str
) -> None:
    result = CliRunner().invoke(main, [direction])
    assert result.exit_code == 1
    assert result.output == "Error: no DVC remote is set; `make remote URL=...` sets one.\n"


def test_what_was_pushed_is_pulled_and_a_failure_is_dvcs_own(
    tiny_project: Path, tool: Callable[[str], str]
) -> None:
    tool("dvc remote add --quiet --default shared ../remote")
    assert CliRunner().invoke(main, ["push"]).exit_code == 0
    for folder in (".dvc/cache", "models/stack/small"):
        shutil.rmtree(folder)
    assert CliRunner().invoke(main, ["pull"]).exit_code == 0
    assert Path("models/stack/small/weights.txt").is_file()
    for folder in (".dvc/cache", "models/stack/small", "../remote"):
        shutil.rmtree(folder)
    assert CliRunner().invoke(main, ["pull"]).exit_code != 0

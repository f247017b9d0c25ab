"""Two runs that write to one folder would mix their data, so the second does not start."""

from pathlib import Path
from unittest.mock import Mock

import click
import pytest
from click.testing import CliRunner

from commands import crossvalidate, prove, prove_stack
from commands.alone import alone
from findtune.core.errors import InputError

COMMANDS = {
    prove: (["small", "."], "."),
    prove_stack: (["small", "."], "stacks"),
    crossvalidate: (["reranker", "small"], "."),
}


def test_a_second_run_in_a_folder_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with alone(tmp_path / "out"):
        with pytest.raises(InputError, match="another run works in .*/out; wait until it has end"):
            alone(tmp_path / "out").__enter__()
        with alone(tmp_path / "other"):
            pass
    with alone(tmp_path / "out"):
        pass


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.__name__))
def test_a_command_of_many_trainings_is_refused_before_it_writes(
    command: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prove, "refuse_missing_bases", lambda *_: None)
    monkeypatch.setattr(prove_stack, "refuse_missing_bases", lambda *_: None)
    arguments, folder = COMMANDS[command]
    main: click.Command = command.main
    with alone(tmp_path / folder):
        before = sorted(tmp_path.rglob("*"))
        result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "Error: another run works in" in result.output
    assert sorted(tmp_path.rglob("*")) == before

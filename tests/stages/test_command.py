"""Every stage reports a user's mistake in one line, and sets its environment before torch."""

import os

import click
import pytest
from click.testing import CliRunner

from findtune.core.errors import InputError
from stages.command import Stage, TorchStage


def run(error: Exception) -> click.testing.Result:
    @click.command(cls=Stage)
    def command() -> None:
        raise error

    return CliRunner().invoke(command)


MISSING = FileNotFoundError(2, "No such file or directory", "data/clean/a.jsonl")
REMEDY = "there is no data/clean/a.jsonl; `make train` runs the stages before this one."


@pytest.mark.parametrize(
    ("error", "message"),
    [(InputError("no such size; add it"), "no such size; add it"), (MISSING, REMEDY)],
)
def test_a_users_mistake_is_one_line(error: Exception, message: str) -> None:
    result = run(error)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {message}\n"


def test_a_missing_file_that_no_stage_writes_keeps_its_traceback() -> None:
    error = FileNotFoundError("No usable temporary directory found")
    assert run(error).exception is error


@pytest.mark.parametrize(("kind", "offline"), [(Stage, None), (TorchStage, "1")])
def test_stages_that_load_models_are_offline(
    kind: type[Stage], offline: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "OMP_WAIT_POLICY", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    seen: dict[str, str] = {}
    CliRunner().invoke(click.command(cls=kind)(lambda: seen.update(os.environ)))
    assert seen["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert seen.get("HF_HUB_OFFLINE") == offline
    assert seen.get("OMP_WAIT_POLICY") == ("PASSIVE" if offline else None)

"""Every stage reports a user's mistake in one line, and sets its environment before torch."""

import errno
import os

import click
import pytest
from click.testing import CliRunner
from safetensors import SafetensorError

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


FULL = OSError(errno.ENOSPC, "No space left on device", "metrics/stack/small.json")
RETRY = "make room, or make the folder writable, then run this again."


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (FULL, "metrics/stack/small.json: No space left on device"),
        (PermissionError(errno.EACCES, "", "models"), "models: Permission denied"),
        (OSError(errno.EROFS, "", b"models\x1b[2J"), "models\\x1b[2J: Read-only file system"),
        (OSError(errno.EFBIG, "File too large"), "the disk: File too large"),
        (SafetensorError("I/O error: x (os error 28)"), "the disk: No space left on device"),
        (Exception("Quota exceeded (os error 122)"), "the disk: Disk quota exceeded"),
    ],
)
def test_a_disk_that_is_full_or_read_only_is_one_line(error: Exception, start: str) -> None:
    result = run(error)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {start}; {RETRY}\n"


def test_a_full_folder_for_scratch_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/scratch")
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/scratch']")
    message = "Error: /scratch: No usable temporary directory; make room, or set TMPDIR.\n"
    assert run(error).stderr == message


def test_a_message_does_not_steer_the_terminal() -> None:
    assert run(InputError("\x1b]0;evil\x07.csv")).stderr == "Error: \\x1b]0;evil\\x07.csv\n"


@pytest.mark.parametrize("error", [OSError(errno.ECHILD, "No child"), ValueError("a bug")])
def test_a_mistake_of_the_program_keeps_its_traceback(error: Exception) -> None:
    assert run(error).exception is error


def test_a_missing_file_that_no_stage_writes_keeps_its_traceback() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/usr/share/dict")
    assert run(error).exception is error


@pytest.mark.parametrize(("kind", "offline"), [(Stage, None), (TorchStage, "1")])
def test_stages_that_load_models_are_offline(
    kind: type[Stage], offline: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        *("HF_HUB_OFFLINE", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_THREAD_TIMEOUT"),
        *("HF_HUB_DISABLE_TELEMETRY", "CUBLAS_WORKSPACE_CONFIG"),
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    seen: dict[str, str] = {}
    CliRunner().invoke(click.command(cls=kind)(lambda: seen.update(os.environ)))
    assert seen["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert seen.get("HF_HUB_OFFLINE") == offline
    assert seen.get("OMP_WAIT_POLICY") == ("PASSIVE" if offline else None)
    assert seen.get("GOMP_SPINCOUNT") == ("1000" if offline else None)
    assert seen.get("OPENBLAS_THREAD_TIMEOUT") == ("4" if offline else None)
    assert seen.get("CUBLAS_WORKSPACE_CONFIG") == (":4096:8" if offline else None)

"""What all stages and commands have in common at the command line."""

import ctypes
import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from typing import ClassVar

import click
import psutil  # type: ignore[import-untyped]

from findtune.core.errors import FindtuneError
from findtune.core.printing import printable
from findtune.core.processes import end_with_parent

RUN = "FINDTUNE_RUN"  # environment variable: the process ID of the run; stages end with it
KEPT_BYTES = 2**30
MADE_BY_STAGES = ("data/", "models/", "metrics/")  # or put there by people
# Errors of a full disk, a quota, a limit, a read-only or a broken file system.
DISK_ERRORS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
}
RUST_ERROR = re.compile(r"(.*)\(os error (\d+)\)", re.DOTALL)  # of safetensors and tokenizers
NO_SCRATCH = "No usable temporary directory"  # of tempfile, if it can write nowhere


class Stage(click.Command):
    """A command that reports a user's mistake in one line, without a traceback."""

    environment: ClassVar[Mapping[str, str]] = {"HF_HUB_DISABLE_TELEMETRY": "1"}

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; turn errors that a user can fix into click's."""
        die_with_parent()
        os.environ |= self.environment
        try:
            return super().invoke(ctx)
        except FindtuneError as error:
            raise click.ClickException(printable(str(error))) from None
        except FileNotFoundError as error:
            raise click.ClickException(missing_file(error)) from None
        except Exception as error:
            if not (message := disk_message(error)):
                raise
            raise click.ClickException(message) from None


def missing_file(error: FileNotFoundError) -> str:
    """Return the message on a file that a stage or a person has yet to write; else re-raise."""
    if NO_SCRATCH in str(error):
        return f"{os.environ.get('TMPDIR', '/tmp')}: {NO_SCRATCH}; make room, or set TMPDIR."
    if not str(error.filename).startswith(MADE_BY_STAGES):
        raise error
    return f"there is no {error.filename}; `make train` runs the stages before this one."


def disk_message(error: Exception) -> str | None:
    """Return the message on a disk that is full or can't be written; None for other errors.

    Libraries in Rust raise errors of their own, with the system's error number in the text.
    """
    number, place = getattr(error, "errno", None), getattr(error, "filename", None)
    if match := RUST_ERROR.match(str(error)):
        number = int(match[2])
    if number not in DISK_ERRORS:
        return None
    place = printable(os.fsdecode(place)) if isinstance(place, (str, bytes)) else "the disk"
    reason = os.strerror(int(number))
    return f"{place}: {reason}; make room, or make the folder writable, then run this again."


class TorchStage(Stage):
    """A stage that loads models: offline, and with threads that soon sleep while they wait.

    The variables must be set before torch is imported. A thread that waits awake takes the
    processor from those that work; one that sleeps wakes slowly. So threads wait awake for a
    moment, then sleep.
    """

    environment: ClassVar[Mapping[str, str]] = {
        **Stage.environment,
        "HF_HUB_OFFLINE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "1000",  # turns, some 20 microseconds, of GNU's OpenMP
        "OPENBLAS_THREAD_TIMEOUT": "4",  # numpy's threads would stay awake for 20 milliseconds
        # makes training on a GPU repeatable; torch reads this at its first product there
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; freed memory is kept for the next tensor."""
        keep_freed_memory()
        return super().invoke(ctx)


def reporter(prefix: str) -> Callable[[str], None]:
    """Return the function that prints lines about a stage's progress to stderr."""
    return lambda line: click.echo(f"{prefix}{line}", err=True)


def die_with_parent() -> None:
    """Ask Linux to end this process when DVC ends, so that no orphan goes on writing.

    Raises SystemExit if the run that started this stage ended while Python was loading modules.
    """
    if sys.platform == "linux":
        end_with_parent()
        if (run := os.environ.get(RUN)) and has_ended(int(run)):
            raise SystemExit(128 + signal.SIGTERM)


def keep_freed_memory() -> None:
    """Ask glibc to keep the memory of a freed tensor for the next one.

    Else glibc gives it back, and Linux clears each page again: a tenth of a training step.
    Source: mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        trim_threshold, top_pad, mmap_max = -1, -2, -4
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, KEPT_BYTES)
        mallopt(top_pad, KEPT_BYTES // 16)


def has_ended(pid: int) -> bool:
    """Return whether a process has ended; a zombie counts as ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True

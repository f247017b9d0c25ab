"""Bring stages up to date, as `dvc repro` does, in a way that survives kills.

    python -m commands.reproduce card@embedder-small

Waits for another run in this folder to end. Then, with a line to stderr for each, it removes locks
of processes that have ended, restores a dvc.lock that a kill has truncated, and moves the decisions
that people have written into the lists of `make stats` to the data. While DVC runs, dvc.lock is
written atomically. Ending this process also ends the stage that it runs.

Reads   dvc.yaml and what the stages read
Writes  what the stages write, dvc.lock, .dvc/tmp/rwlock, .dvc/tmp/findtune/
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import click
import psutil  # type: ignore[import-untyped]

from findtune.core.errors import FindtuneError, InputError
from findtune.core.printing import printable
from findtune.health.gates import stale_trained_stages
from findtune.health.missing import missing_data
from findtune.health.needed_params import refuse_missing_params, refuse_skipped_models
from findtune.quality.decisions import take_decisions
from findtune.tracking.parsing import parsed_once
from findtune.tracking.processes import drop_stale_holders, lock_holder, stages_end_with_dvc
from findtune.tracking.recovery import FOLDER, atomic_writes, restore
from findtune.tracking.repository import open_repo
from stages.command import RUN, Stage

RUNNING = FOLDER / "running"  # held by the run that works in this folder
PAUSE = 0.5  # seconds between two checks of a lock


@click.command(cls=Stage)
@click.argument("targets", nargs=-1, required=True)
@click.pass_context
def main(ctx: click.Context, targets: tuple[str, ...]) -> None:
    """Bring TARGETS, stages of dvc.yaml, and those before them up to date."""
    signal.signal(signal.SIGTERM, end_with_children)
    refuse_missing_params()
    refuse_skipped_models()
    status = reproduce(open_repo(_wait_for_lock=True), *targets)
    for line in missing_data() if status else ():
        click.echo(line, err=True)  # DVC names it, but not what fetches it
    if not status and any(target.startswith("report@") for target in targets):
        with suppress(FindtuneError):
            stale_trained_stages()  # stores the answer for `make metrics`, while DVC is loaded
    ctx.exit(status)


def reproduce(repo: Any, *arguments: str) -> int:
    """Run `dvc repro` with these options and targets after repairs; return its exit status.

    Raises InputError if the disk is full or can't be written.
    """
    os.chdir(repo.root_dir)
    os.environ[RUN] = str(os.getpid())
    try:
        with only_run(RUNNING), atomic_writes(), parsed_once(), stages_end_with_dvc():
            with repo.lock:
                for line in (*repair(repo), *take_decisions(Path())):
                    click.echo(printable(line), err=True)
            return int(import_module("dvc.cli").main(["--wait-for-lock", "repro", *arguments]))
    except OSError as error:  # from the repairs; DVC reports its own errors
        remedy = "make room, or make the folder writable, then run this again"
        raise InputError(f"{error.filename or 'the disk'}: {error.strerror}; {remedy}.") from None


def repair(repo: Any) -> Iterator[str]:
    """Repair what a kill has left behind; yield a line about each repair."""
    root = Path(repo.root_dir)
    yield from drop_stale_holders(Path(repo.tmp_dir, "rwlock"), root)
    yield from restore(lambda: {getattr(stage, "name", "") for stage in repo.index.stages})


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold a lock file; while another run holds it, say which one, and wait."""
    lockfile = import_module("zc.lockfile")  # part of DVC
    path.parent.mkdir(parents=True, exist_ok=True)
    waits = False
    while True:
        try:
            lock = lockfile.LockFile(str(path))
            break
        except lockfile.LockError:
            if not waits:
                waits = True
                click.echo(
                    f"Waiting for {holder_of(path)} to end; it runs in this folder.", err=True
                )
            time.sleep(PAUSE)
    try:
        yield
    finally:
        lock.close()


def holder_of(path: Path) -> str:
    """Return the process that holds a lock file, as people read it."""
    pid = lock_holder(path)
    try:
        return (
            f"process {pid} ({' '.join(psutil.Process(pid).cmdline())})" if pid else "another run"
        )
    except psutil.Error:
        return "another run"


def end_children() -> None:
    """End all processes that this one started, such as the running stage."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.terminate()


def end_with_children(number: int, _: FrameType | None) -> None:
    """End the running stage, then this process by the same signal."""
    end_children()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main()

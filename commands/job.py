"""Bring stages up to date on any machine: fetch what is finished, run the rest, publish it.

    python -m commands.job card@embedder-small

Works like `dvc repro --pull TARGETS && dvc push --run-cache`, but pushes each stage when it ends.
So a machine may be lost at any time: the next one continues after the last finished stage. When a
stage fails or SIGTERM arrives, the finished stages are pushed, and the exit status is not 0.

The last push is retried, since the network may fail briefly. The exit status says whether starting
the job again may help:

    0    everything is up to date and on the remote
    1    a mistake, such as a remote that is not set
    75   the remote did not take the results (EX_TEMPFAIL of sysexits.h); start the job again
    143  SIGTERM arrived
    255  a stage failed, and would fail again

Reads   dvc.yaml, what the stages read, the default DVC remote and the run cache there
Writes  what the stages write, dvc.lock, the remote and the run cache there
"""

import signal
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click

from commands.reproduce import end_children, reproduce
from findtune.core.errors import InputError
from findtune.health.needed_params import refuse_missing_params, refuse_skipped_models
from findtune.tracking.repository import open_repo
from findtune.tracking.run_cache import Publisher, pushed_after_each_stage
from stages.command import Stage, reporter

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
WAITS = (2.0, 10.0, 30.0)  # seconds before each retry of the last push

report = reporter("")


@click.command(cls=Stage)
@click.argument("targets", nargs=-1, required=True)
@click.pass_context
def main(ctx: click.Context, targets: tuple[str, ...]) -> None:
    """Bring TARGETS, stages of dvc.yaml, up to date; reuse the results of other machines."""
    signal.signal(signal.SIGTERM, end_job)
    refuse_missing_params()
    refuse_skipped_models()
    repo = open_repo(_wait_for_lock=True)
    if not repo.config["core"].get("remote"):
        raise InputError("no DVC remote is set; run `make remote URL=...` and commit .dvc/config.")
    publisher = Publisher(repo)
    status = run_stages(repo, publisher, targets)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # use the time that is left for the last push
    if status == 0:
        publisher.add_finished(targets)
    is_pushed = push_at_last(publisher, WAITS if status != 128 + signal.SIGTERM else ())
    ctx.exit(status if is_pushed else status or TRY_AGAIN)


def push_at_last(publisher: Publisher, waits: Sequence[float]) -> bool:
    """Push what waits, and retry after each wait, in seconds; return whether all is pushed."""
    for wait in (*waits, None):
        try:
            publisher.push()
            return True
        except InputError as error:
            more = "" if wait is None else f" Retrying in {wait:g} seconds."
            report(f"Error: {error}{more}")
        if wait is not None:
            time.sleep(wait)
    return False


def run_stages(repo: Any, publisher: Publisher, targets: tuple[str, ...]) -> int:
    """Run or restore what is stale, and push each result; return the exit status."""
    try:
        with pushed_after_each_stage(publisher, report):
            return reproduce(repo, "--pull", *targets)
    except SystemExit as ending:  # raised by end_job
        return int(ending.code or 0)


def end_job(number: int, _: FrameType | None) -> NoReturn:
    """End the running stage, then this process, once the finished stages are pushed."""
    signal.signal(number, signal.SIG_IGN)  # make and a scheduler may both send one
    end_children()
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()

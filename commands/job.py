"""Bring stages up to date on any machine: fetch what is finished, run the rest, publish it.

    python -m commands.job card@embedder-small

As `dvc repro --pull TARGETS && dvc push --run-cache`, but each stage is pushed when it has ended.
So a machine may be taken away at any time: the next one goes on after the last finished stage.
When a stage fails, or SIGTERM comes, what is finished is pushed, and the exit status is not 0.

Reads   dvc.yaml, what the stages read, the default DVC remote and the run cache there
Writes  what the stages write, dvc.lock, the remote and the run cache there
"""

import signal
from types import FrameType
from typing import Any, NoReturn

import click

from commands.reproduce import end_children, reproduce
from findtune.core.errors import InputError
from findtune.tracking.repository import open_repo
from findtune.tracking.run_cache import Publisher, pushed_after_each_stage
from stages.command import Stage, reporter

report = reporter("")


@click.command(cls=Stage)
@click.argument("targets", nargs=-1, required=True)
@click.pass_context
def main(ctx: click.Context, targets: tuple[str, ...]) -> None:
    """Bring TARGETS, stages of dvc.yaml, up to date, with results of other machines."""
    signal.signal(signal.SIGTERM, end_job)
    repo = open_repo(_wait_for_lock=True)
    if not repo.config["core"].get("remote"):
        raise InputError("no DVC remote is set; run `make remote URL=...` and commit .dvc/config.")
    publisher = Publisher(repo)
    status = run_stages(repo, publisher, targets)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the last push is worth the time that is left
    try:
        if status == 0:
            publisher.add_finished(targets)
        publisher.push()
    except InputError as error:
        if status == 0:
            raise
        report(f"Error: {error}")
    ctx.exit(status)


def run_stages(repo: Any, publisher: Publisher, targets: tuple[str, ...]) -> int:
    """Run or restore what is stale, and push each result; return the exit status."""
    try:
        with pushed_after_each_stage(publisher, report):
            return reproduce(repo, "--pull", *targets)
    except SystemExit as ending:  # by end_job
        return int(ending.code or 0)


def end_job(number: int, _: FrameType | None) -> NoReturn:
    """End the stage that runs, then this process, after what is finished was pushed."""
    signal.signal(number, signal.SIG_IGN)  # make and a scheduler may both send one
    end_children()
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()

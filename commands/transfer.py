"""Publish data and models to the DVC remote, or fetch them from there.

    python -m commands.transfer push
    python -m commands.transfer pull

Runs `dvc push` or `dvc pull`, whose own message on a remote that is not set names no command of
this project.

Reads   dvc.lock, data/*.dvc and what they name; the default DVC remote
Writes  push: the remote; pull: what dvc.lock and data/*.dvc name
"""

from importlib import import_module

import click

from findtune.core.errors import InputError
from findtune.tracking.repository import has_remote, open_repo
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("direction", type=click.Choice(["push", "pull"]))
@click.pass_context
def main(ctx: click.Context, direction: str) -> None:
    """Push data and models to the DVC remote, or pull them from it."""
    open_repo()  # which says what is wrong where there is none
    if not has_remote():
        raise InputError("no DVC remote is set; `make remote URL=...` sets one.")
    ctx.exit(import_module("dvc.cli").main([direction]))


if __name__ == "__main__":
    main()

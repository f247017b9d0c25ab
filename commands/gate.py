"""Check what a pull request must not break, in a clone without data and models.

    python -m commands.gate current
    python -m commands.gate trained
    python -m commands.gate published

`current` fails if a stage would run again, because dvc.lock does not match the code, the params,
the data or the measures in git. Data that only DVC keeps may be missing. They are named,
and assumed to match the md5 in git. `trained` does the same, but ignores int8 copies, which
`make train` does not make.
`published` fails if the DVC remote lacks something that dvc.lock names.

Reads   dvc.yaml, dvc.lock, the files in git that the stages read; the default DVC remote
"""

from collections.abc import Callable, Iterable

import click

from findtune.core.errors import InputError
from findtune.health.gates import (
    missing_on_remote_here,
    stale_stages_here,
    stale_trained_stages,
)
from findtune.health.missing import missing_data
from findtune.health.pipeline import some
from stages.command import Stage

GATES: dict[str, tuple[Callable[[], Iterable[str]], str, str]] = {
    "current": (
        stale_stages_here,
        "every stage is up to date",
        "run `make train`, and `make export` if export.models lists models, and commit dvc.lock "
        "with metrics/",
    ),
    "trained": (
        stale_trained_stages,
        "all that `make train` makes is up to date",
        "run `make train` and commit dvc.lock with metrics/",
    ),
    "published": (
        missing_on_remote_here,
        "the remote has everything that dvc.lock names",
        "the remote lacks these; run `make push` where they were made",
    ),
}


@click.command(cls=Stage)
@click.argument("gate", type=click.Choice([*GATES]))
def main(gate: str) -> None:
    """Check one GATE."""
    check, passed, remedy = GATES[gate]
    if problems := list(check()):
        raise InputError(f"{some(problems)}: {remedy}.")
    click.echo(passed)
    for line in missing_data() if gate == "current" else ():
        click.echo(line, err=True)


if __name__ == "__main__":
    main()

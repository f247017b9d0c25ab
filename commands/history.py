"""Print which version of each model was live when, with its measures.

    python -m commands.history

Reads   git tags, and dvc.lock with metrics/MODEL/SIZE.json of their commits
"""

from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.registry.history import history_table
from findtune.registry.tags import models
from stages.command import Stage


@click.command(cls=Stage)
def main() -> None:
    """Print which version was live when."""
    registered = models(Path())
    if not registered:
        raise InputError(
            "no version is registered here; `make promote` makes one, and `git fetch --tags` "
            "fetches those of others."
        )
    click.echo(history_table(Path(), registered))


if __name__ == "__main__":
    main()

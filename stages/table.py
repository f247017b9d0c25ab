"""Print what was measured, as a table that a README can hold.

    python -m stages.table embedder/small

Reads   metrics/MODEL/SIZE.json
"""

import json
from pathlib import Path

import click

from findtune.errors import InputError
from findtune.tabular import table
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("models", nargs=-1, required=True)
def main(models: tuple[str, ...]) -> None:
    """Print the measures of MODELS, each given as MODEL/SIZE."""
    for name in models:
        path = Path("metrics", f"{name}.json")
        if not path.exists():
            raise InputError(f"there is no {path}; `make train` makes it.")
        click.echo(table(name, json.loads(path.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()

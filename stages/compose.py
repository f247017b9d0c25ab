"""Compose the medium catalog out of its schema.

    python -m stages.compose

Run by hand after an edit of the schema, and commit what it writes; the pipeline only reads that.

Reads   data/schema.yaml
Writes  data/autogen_input/medium/composed.csv
"""

from pathlib import Path

import click

from findtune.composition import COLUMNS, compose, read_schema
from findtune.files import write_csv
from stages.command import Stage

SCHEMA = Path("data/schema.yaml")
CATALOG = Path("data/autogen_input/medium/composed.csv")


@click.command(cls=Stage)
def main() -> None:
    """Compose the medium catalog out of its schema."""
    schema = read_schema(SCHEMA)
    rows = compose(schema)
    write_csv(CATALOG, COLUMNS, ([row[column] for column in COLUMNS] for row in rows))
    click.echo(f"{CATALOG}: {len(rows)} variables of {len(schema.families)} families")


if __name__ == "__main__":
    main()

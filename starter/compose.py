"""Compose the starter's medium catalog from its schema.

    python -m starter.compose

The starter data lets a new user run the whole pipeline before the team's own data is there. Its
small catalog was written by hand. Its medium catalog, 2,731 variables, is composed: the
schema lists families of variables, the facets that they cross, and the patterns of their texts;
starter/composition.py explains how a pattern becomes a text.

Nothing in the pipeline runs this command; the pipeline reads the CSV file like any other one. Run
it by hand after an edit of the schema, and commit the CSV file. A test compares the two. A team
that replaces the starter data with its own can delete this folder and the schema.

Rules that the composed catalog keeps:
- A text belongs to one variable only; two variables with one name are an error.
- A new family at the end of the schema changes no earlier row.
- The same schema gives the same bytes on every machine.

Reads   data/schema.yaml
Writes  data/autogen_input/medium/composed.csv
"""

from pathlib import Path

import click

from findtune.core.files import write_csv
from stages.command import Stage
from starter.composition import COLUMNS, compose, read_schema

SCHEMA = Path("data/schema.yaml")
CATALOG = Path("data/autogen_input/medium/composed.csv")


@click.command(cls=Stage)
def main() -> None:
    """Compose the medium catalog from its schema."""
    schema = read_schema(SCHEMA)
    rows = compose(schema)
    write_csv(CATALOG, COLUMNS, ([row[column] for column in COLUMNS] for row in rows))
    click.echo(f"{CATALOG}: {len(rows)} variables of {len(schema.families)} families")


if __name__ == "__main__":
    main()

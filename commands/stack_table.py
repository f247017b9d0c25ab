"""Print how the models search together, from the last evaluation: tables, warnings and verdict.

    python -m commands.stack_table small

Reads   metrics/stack/SIZE.md
        metrics/stack/SIZE.latency.csv, unless DVC has fetched the others from its cache
"""

import csv
from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.health.missing import how_to_make
from stages.command import Stage

HEAD = "| one question, milliseconds | part | p50 | p95 |\n|---|---|---|---|"


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Print how the models of SIZE search together."""
    folder = Path("metrics", "stack")
    document = folder / f"{size}.md"
    if not document.exists():
        raise InputError(f"there is no {document}; {how_to_make(size)}.")
    *paragraphs, verdict = document.read_text(encoding="utf-8").strip().split("\n\n")
    latency = folder / f"{size}.latency.csv"
    times = [latency_table(latency)] if latency.exists() else []
    click.echo("\n\n".join([*paragraphs, *times, verdict]))


def latency_table(path: Path) -> str:
    """Return the times of a file as a Markdown table."""
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    lines = [f"| {' | '.join([cell.replace('|', ', '), *times])} |" for cell, *times in rows]
    return "\n".join([HEAD, *lines])


if __name__ == "__main__":
    main()

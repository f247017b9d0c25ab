"""Copy the clean data of one model to another, so that nothing is cleaned twice.

    python -m stages.share ranked_lists reranker embedder

Reads   data/clean/SOURCE/KIND.jsonl, KIND.report.csv and KIND.counts.json, as ingest wrote them
Writes  data/clean/TARGET/   copies of them
"""

from pathlib import Path

import click

from findtune.core.files import atomic_copy
from stages.command import Stage

SUFFIXES = (".jsonl", ".report.csv", ".counts.json")


@click.command(cls=Stage)
@click.argument("kind")
@click.argument("source")
@click.argument("target")
def main(kind: str, source: str, target: str) -> None:
    """Copy the clean data of one KIND from the model SOURCE to the model TARGET."""
    for suffix in SUFFIXES:
        name = f"{kind}{suffix}"
        atomic_copy(Path("data", "clean", source, name), Path("data", "clean", target, name))
    click.echo(f"{target}/{kind}: as in {source}/{kind}")


if __name__ == "__main__":
    main()

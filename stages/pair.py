"""Turn clean data into the examples that one model learns and is judged from.

    python -m stages.pair embedder small

Reads   params.yaml: pair.MODEL.SIZE
        data/clean/catalog.csv, sentence_pairs.csv, guard.csv
Writes  data/pairs/MODEL/SIZE/   train, dev and test, and the certificate that they share nothing
"""

from importlib import import_module
from pathlib import Path

import click

from findtune import params
from findtune.catalog import read_texts
from findtune.scored_pairs import read_clean_pairs
from stages.command import Stage

CLEAN = Path("data", "clean")


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder"]))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Make the training, dev and test examples of MODEL at SIZE."""
    room = import_module(f"findtune.{model}.pairs")
    out = Path("data", "pairs", model, size)
    records = room.pairs(
        texts=read_texts(CLEAN / "catalog.csv"),
        scored=read_clean_pairs(CLEAN / "sentence_pairs.csv"),
        guard=read_clean_pairs(CLEAN / "guard.csv"),
        choices=params.read(f"pair.{model}.{size}", room.Choices),
    )
    room.write_pairs(out, records)
    counts = records["certificate"][0]["records"]
    for part, kinds in counts.items():
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        click.echo(f"{out}/{part}.jsonl: {told}")


if __name__ == "__main__":
    main()

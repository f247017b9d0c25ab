"""Turn clean data into the examples that one model learns and is judged from.

    python -m stages.pair embedder small

Reads   params.yaml: pair.MODEL.SIZE
        data/clean/MODEL/
Writes  data/pairs/MODEL/SIZE/   train, dev and test, and the certificate that they share nothing
"""

from importlib import import_module
from pathlib import Path

import click

from findtune import params
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder", "reranker", "rewriter"]))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Make the training, dev and test examples of MODEL at SIZE."""
    room = import_module(f"findtune.{model}.pairs")
    out = Path("data", "pairs", model, size)
    choices = params.read(f"pair.{model}.{size}", room.Choices)
    for part, kinds in room.write(Path("data", "clean", model), out, choices).items():
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        click.echo(f"{out}/{part}.jsonl: {told}")


if __name__ == "__main__":
    main()

"""Show what the data teaches: a few examples of each kind, with where they come from and why.

    python -m stages.show embedder small

Reads   data/pairs/MODEL/SIZE/
"""

from importlib import import_module
from pathlib import Path

import click

from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder", "reranker", "rewriter"]))
@click.argument("size")
@click.option(
    "--number",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many examples of each kind.",
)
def main(model: str, size: str, number: int) -> None:
    """Show examples that MODEL at SIZE learns from."""
    room = import_module(f"findtune.{model}.pairs")
    click.echo("\n".join(room.shown(Path("data", "pairs", model, size), number)))


if __name__ == "__main__":
    main()

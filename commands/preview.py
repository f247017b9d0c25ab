"""Show a few training examples of each kind, with their source and the reason of their label.

    python -m commands.preview embedder small

Reads   data/examples/MODEL/SIZE/
"""

from pathlib import Path

import click

from stages import rooms
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
@click.option(
    "--number",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="Examples of each kind.",
)
def main(model: str, size: str, number: int) -> None:
    """Show training examples of MODEL at SIZE."""
    room = rooms.load(model, "prepare")
    click.echo("\n".join(room.preview_lines(Path("data", "examples", model, size), number)))


if __name__ == "__main__":
    main()

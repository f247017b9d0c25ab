"""Show a few training examples of each kind, with their source and the reason for their label.

    python -m commands.preview embedder small

Reads   data/examples/MODEL/SIZE/
"""

from pathlib import Path

import click

from commands.table import FEW_QUESTIONS
from findtune.quality.decisive import decisive_questions, group_of
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
    folder = Path("data", "examples", model, size)
    click.echo("\n".join(room.preview_lines(folder, number)))
    groups = len({*map(group_of, decisive_questions(model, folder / "test.jsonl"))})
    if groups < FEW_QUESTIONS:
        click.echo(
            f"warning: only {groups} different questions are left to test the {model}: a gain must "
            "be large to show. Add data, or test on all of it in turn: make crossvalidate.",
            err=True,
        )


if __name__ == "__main__":
    main()

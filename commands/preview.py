"""Show a few training examples of each kind, with their source and the reason of their label.

    python -m commands.preview embedder small

Reads   data/examples/MODEL/SIZE/
"""

from pathlib import Path

import click

from commands.table import FEW_QUESTIONS
from findtune.core.files import iter_jsonl
from stages import rooms
from stages.command import Stage

KINDS_ASKED = ("query", "list", "question")  # the other examples of a test set are no questions


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
    groups = count_groups(folder / "test.jsonl")
    if groups < FEW_QUESTIONS:
        click.echo(
            f"warning: only {groups} different questions are left to test the {model}: a gain must "
            "be large to show. Add data, or test on all of it in turn: make crossvalidate.",
            err=True,
        )


def count_groups(path: Path) -> int:
    """Return how many different questions a test set has; those of one group count once."""
    asked = (record for record in iter_jsonl(path) if record["kind"] in KINDS_ASKED)
    return len({str(record.get("group", record.get("dcids"))) for record in asked})


if __name__ == "__main__":
    main()

"""Turn clean data into the train, dev and test examples of one model.

    python -m stages.prepare embedder small

Reads   params.yaml: prepare.MODEL.SIZE
        data/clean/MODEL/
Writes  data/examples/MODEL/SIZE/   train, dev and test, and a report that they share nothing
"""

from pathlib import Path

import click

from findtune.core import params
from findtune.core.files import atomic_folder
from findtune.examples.left_out import read_counts, summary_line
from findtune.examples.word_overlap import warning
from stages import rooms
from stages.command import Stage

ASKED = ("list", "question")


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Make the train, dev and test examples of MODEL at SIZE."""
    room = rooms.load(model, "prepare")
    settings = params.read(f"prepare.{model}.{size}", room.PrepareSettings)
    out = Path("data", "examples", model, size)
    with atomic_folder(out) as part:
        counts = room.write_examples(Path("data", "clean", model), part, settings)
    for split, by_kind in counts.items():
        listed = ", ".join(f"{number} {kind}" for kind, number in sorted(by_kind.items()))
        click.echo(f"{out}/{split}.jsonl: {listed}")
    if line := summary_line(out):
        click.echo(line)
    questions = sum(by_kind.get(kind, 0) for by_kind in counts.values() for kind in ASKED)
    if line := warning(read_counts(out), questions):
        click.echo(line, err=True)


if __name__ == "__main__":
    main()

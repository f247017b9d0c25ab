"""Write the model card of one tuned model: measures, lineage, data and parameters.

    python -m stages.card embedder small

Reads   params.yaml: base.MODEL.SIZE, MODEL.SIZE
        models/MODEL/SIZE/training.json, models/MODEL/SIZE/sweep.csv, metrics/MODEL/SIZE.json
Writes  metrics/MODEL/SIZE.card.md   to be the README.md of a repository with the model
"""

import csv
from pathlib import Path

import click

from findtune.bases.entry import BaseEntry
from findtune.core import params
from findtune.core.files import atomic_open, read_json
from findtune.report.card import CARD_INFOS, model_card
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model", type=click.Choice([*CARD_INFOS]))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Write the card of MODEL at SIZE."""
    tuned, metrics = Path("models", model, size), Path("metrics", model)
    with (tuned / "sweep.csv").open(encoding="utf-8", newline="") as file:
        sweep = list(csv.DictReader(file))
    card = model_card(
        model=model,
        size=size,
        entry=params.read(f"base.{model}.{size}", BaseEntry),
        recipe=params.lookup(f"{model}.{size}"),
        training=read_json(tuned / "training.json"),
        sweep=sweep,
        metrics=read_json(metrics / f"{size}.json"),
    )
    out = metrics / f"{size}.card.md"
    with atomic_open(out) as file:
        file.write(card)
    click.echo(f"{out}: written")


if __name__ == "__main__":
    main()

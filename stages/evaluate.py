"""Compare a tuned model with its base on held-out examples.

    python -m stages.evaluate embedder small

Reads   params.yaml: seed
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/, models/MODEL/SIZE/,
        data/examples/MODEL/SIZE/
Writes  metrics/MODEL/SIZE.json            base, tuned, the difference and its interval
        metrics/MODEL/SIZE.per_query.csv   every measure of every query
        metrics/MODEL/SIZE.details.csv     one row for each pair, document or rewrite
"""

from pathlib import Path

import click

from findtune.core import params
from findtune.core.files import read_json, rounded, write_csv, write_json
from findtune.core.manifest import refuse_damaged
from stages import rooms
from stages.command import TorchStage, reporter


@click.command(cls=TorchStage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Compare MODEL at SIZE with its base."""
    room = rooms.load(model, "evaluation")
    tuned, out = Path("models", model, size), Path("metrics", model)
    for folder in (tuned, *rooms.base_folders(model, size).values()):
        refuse_damaged(folder)
    held_out = room.read_held_out(Path("data", "examples", model, size))
    evaluation = room.evaluate_model(
        rooms.base_folders(model, size), tuned, held_out, say=reporter(f"{model} {size}: ")
    )
    facts, seed = read_json(tuned / "training.json"), params.read("seed", params.Seed)
    metrics = room.metrics(evaluation, held_out, facts, seed)
    write_json(out / f"{size}.json", metrics)
    for name, (header, rows) in room.details(evaluation, held_out).items():
        write_csv(out / f"{size}.{name}.csv", header, map(rounded, rows))
    difference = metrics.get("difference_best", metrics["difference"])
    click.echo(
        f"{out / size}.json: {metrics['verdict']}, {difference['measure']} "
        f"{difference['mean']:+.4f} [{difference['ci_low']:+.4f}, {difference['ci_high']:+.4f}] "
        f"over {metrics['queries']} queries in {metrics['groups']} groups"
        + (", without the order shown: the picks stand first" if "order_unknown" in metrics else "")
    )


if __name__ == "__main__":
    main()

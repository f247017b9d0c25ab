"""Judge a tuned model beside its base on what neither has seen.

    python -m stages.evaluate embedder small

Reads   params.yaml: seed
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/, models/MODEL/SIZE/,
        data/pairs/MODEL/SIZE/
Writes  metrics/MODEL/SIZE.json          base, tuned, the difference and how sure it is
        metrics/MODEL/SIZE.queries.csv   every measure of every query
        metrics/MODEL/SIZE.pairs.csv     of each held-out pair its label, and what the models say
"""

import json
import os
from importlib import import_module
from pathlib import Path

import click

from findtune import params
from findtune.files import rounded, write_csv, write_json
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder", "reranker", "rewriter"]))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Judge MODEL at SIZE beside its base."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before torch is loaded
    room = import_module(f"findtune.{model}.inference")
    tuned, out = Path("models", model, size), Path("metrics", model)
    training = json.loads((tuned / "training.json").read_text(encoding="utf-8"))
    test = room.read_held_out(Path("data", "pairs", model, size))
    bases = {name: Path("models", "base", name, size) for name in ("embedder", model)}
    judged = room.judge(
        bases, tuned, test, say=lambda line: click.echo(f"{model} {size}: {line}", err=True)
    )
    metrics = room.metrics(judged, test, training, params.read("seed", int))

    write_json(out / f"{size}.json", metrics)
    for name, (header, rows) in room.details(judged, test).items():
        write_csv(
            out / f"{size}.{name}.csv", header, [[rounded(value) for value in row] for row in rows]
        )
    delta = metrics.get("delta_best", metrics["delta"])
    click.echo(
        f"{out / size}.json: {metrics['verdict']}, {delta['measure']} {delta['mean']:+.4f} "
        f"[{delta['ci_low']:+.4f}, {delta['ci_high']:+.4f}] over {metrics['queries']} queries"
    )


if __name__ == "__main__":
    main()

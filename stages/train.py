"""Fine-tune one model at one size.

    python -m stages.train embedder small

Reads   params.yaml: seed, MODEL.SIZE
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/, data/examples/MODEL/SIZE/
Writes  models/MODEL/SIZE/   with history.csv and sweep.csv (dev measures), training.json, and
                             SHA256SUMS, the manifest
"""

import sys
from pathlib import Path

import click

from findtune.core import params
from findtune.core.files import atomic_folder, rounded, sha256, write_csv, write_json
from findtune.core.manifest import write_manifest
from stages import rooms
from stages.command import TorchStage, reporter


@click.command(cls=TorchStage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fine-tune MODEL at SIZE, both as named in params.yaml."""
    room = rooms.load(model, "training")
    seed = params.read("seed", params.Seed)
    examples, out = Path("data", "examples", model, size), Path("models", model, size)
    fitted = room.fit(
        bases=rooms.base_folders(model, size),
        examples=examples,
        recipe=params.read(f"{model}.{size}", room.Recipe),
        seed=seed,
        say=reporter(f"{model} {size}: "),
        progress=sys.stderr.isatty(),
    )
    with atomic_folder(out) as part:
        fitted.save(part)
        for name, rows in (("history", fitted.history), ("sweep", fitted.sweep)):
            header = list(rows[0]) if rows else []
            write_csv(part / f"{name}.csv", header, (rounded([*row.values()]) for row in rows))
        hashes = {path.name: sha256(path) for path in sorted(examples.glob("*.jsonl"))}
        write_json(part / "training.json", {**fitted.facts, "seed": seed, "examples": hashes})
        write_manifest(part)
    click.echo(f"{out}: interpolation {fitted.facts['interpolation']:g}")


if __name__ == "__main__":
    main()

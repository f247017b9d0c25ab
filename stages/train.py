"""Fine-tune one model at one size.

    python -m stages.train embedder small

A training that was killed goes on from its last checkpoint, if that is of the same inputs.

Reads   params.yaml: seed, MODEL.SIZE
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/, data/examples/MODEL/SIZE/
Writes  models/MODEL/SIZE/   with history.csv and sweep.csv (dev measures), training.json, and
                             SHA256SUMS, the manifest
        .scratch/checkpoints/MODEL-SIZE/   until it ends
"""

import sys
from importlib.metadata import version
from pathlib import Path

import click

from findtune.core import params
from findtune.core.files import atomic_folder, rounded, sha256, write_csv, write_json
from findtune.core.manifest import write_manifest
from findtune.training.checkpoints import Checkpoints, key_of, open_checkpoints
from stages import rooms
from stages.command import TorchStage, reporter

# The code that a training runs, and the packages; dvc.yaml has the same list of code.
CODE = (
    *("stages/train.py", "stages/command.py", "stages/rooms.py"),
    *("findtune/bases/gguf_header.py", "findtune/bases/safety.py"),
    *("findtune/core", "findtune/retrieval", "findtune/training"),
    *("findtune/{model}/model", "findtune/{model}/training"),
)
PACKAGES = (
    *("torch", "transformers", "sentence-transformers", "accelerate", "datasets", "tokenizers"),
    *("safetensors", "numpy", "scipy", "bm25s"),
)


@click.command(cls=TorchStage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fine-tune MODEL at SIZE, both as named in params.yaml."""
    room = rooms.load(model, "training")
    seed = params.read("seed", params.Seed)
    recipe = params.read(f"{model}.{size}", room.Recipe)
    examples, out = Path("data", "examples", model, size), Path("models", model, size)
    checkpoints = checkpoints_of(model, size, {"seed": seed, "recipe": repr(recipe)})
    fitted = room.fit(
        bases=rooms.base_folders(model, size),
        examples=examples,
        recipe=recipe,
        seed=seed,
        say=checkpoints.say,
        progress=sys.stderr.isatty(),
        checkpoints=checkpoints,
    )
    with atomic_folder(out) as part:
        fitted.save(part)
        for name, rows in (("history", fitted.history), ("sweep", fitted.sweep)):
            header = list(rows[0]) if rows else []
            write_csv(part / f"{name}.csv", header, (rounded([*row.values()]) for row in rows))
        hashes = {path.name: sha256(path) for path in sorted(examples.glob("*.jsonl"))}
        write_json(part / "training.json", {**fitted.facts, "seed": seed, "examples": hashes})
        write_manifest(part)
    checkpoints.remove()
    click.echo(f"{out}: interpolation {fitted.facts['interpolation']:g}")


def checkpoints_of(model: str, size: str, settings: dict[str, object]) -> Checkpoints:
    """Return the checkpoints of a training, by the hash of all that it reads."""
    from findtune.training.precision import arithmetic

    root = Path(__file__).resolve().parents[1]
    code = [root / path.format(model=model) for path in CODE]
    inputs = [*rooms.base_folders(model, size).values(), Path("data", "examples", model, size)]
    versions = {name: version(name) for name in PACKAGES}
    machine = {"python": sys.version, "machine": arithmetic(), **versions}
    key = key_of([*code, *inputs], {**settings, **machine})
    folder = Path(".scratch", "checkpoints", f"{model}-{size}")
    return open_checkpoints(folder, key, reporter(f"{model} {size}: "))


if __name__ == "__main__":
    main()

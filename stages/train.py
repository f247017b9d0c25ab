"""Fine-tune one model at one size.

    python -m stages.train embedder small

A training that was killed resumes from its last checkpoint if its inputs are the same.
With more than one process in `launch`, torchrun starts this stage once for each of them; they train
together, and the first one writes.

Reads   params.yaml: seed, launch, MODEL.SIZE
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/, data/examples/MODEL/SIZE/
Writes  models/MODEL/SIZE/   with history.csv and sweep.csv (dev measures), training.json, and
                             SHA256SUMS, the manifest
        .scratch/checkpoints/MODEL-SIZE/   removed when training ends
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.files import atomic_folder, rounded, sha256, write_csv, write_json
from findtune.core.manifest import write_manifest
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints, key_of, open_checkpoints
from findtune.training.launch import (
    Launch,
    is_rank,
    recorded_errors,
    refuse_other_launch,
    start_ranks,
)
from stages import rooms
from stages.command import RUN, TorchStage, reporter

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


class TrainStage(TorchStage):
    """The stage; in a rank of torchrun, the process that started the rank reports its error."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; in a rank, record an error instead of printing it."""
        if not is_rank():
            return super().invoke(ctx)
        with recorded_errors(known=click.ClickException):
            return super().invoke(ctx)


@click.command(cls=TrainStage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fine-tune MODEL at SIZE, both as named in params.yaml."""
    launch = params.read("launch", Launch)
    refuse_other_launch(launch)
    if launch.world_size > 1 and not is_rank():
        os.environ[RUN] = str(os.getpid())  # the ranks end with this process
        start_ranks(launch, "stages.train", [model, size])
    else:
        train(model, size, launch)


def train(model: str, size: str, launch: Launch) -> None:
    """Train a model, alone or as one of several ranks, of which the first one writes."""
    from findtune.training import ranks

    room = rooms.load(model, "training")
    seed = params.read("seed", params.Seed)
    recipe = params.read(f"{model}.{size}", room.Recipe)
    ranks.join(launch)
    settings = {"seed": seed, "recipe": repr(recipe), "launch": repr(launch)}
    folder = ranks.on_first(lambda: checkpoints_of(model, size, settings).folder)
    say = reporter(f"{model} {size}: ") if ranks.number() == 0 else NO_CHECKPOINTS.say
    checkpoints = Checkpoints(folder, say)
    fitted = room.fit(
        bases=rooms.base_folders(model, size),
        examples=Path("data", "examples", model, size),
        recipe=recipe,
        seed=seed,
        say=say,
        progress=sys.stderr.isatty() and ranks.number() == 0,
        checkpoints=checkpoints,
    )
    if ranks.number() == 0:
        save(fitted, model, size, seed)
        checkpoints.remove()
    ranks.leave()


def save(fitted: Any, model: str, size: str, seed: int) -> None:
    """Write a tuned model with its measures, its facts and its manifest."""
    examples, out = Path("data", "examples", model, size), Path("models", model, size)
    with atomic_folder(out) as part:
        fitted.save(part)
        for name, rows in (("history", fitted.history), ("sweep", fitted.sweep)):
            header = list(rows[0]) if rows else []
            write_csv(part / f"{name}.csv", header, (rounded([*row.values()]) for row in rows))
        hashes = {path.name: sha256(path) for path in sorted(examples.glob("*.jsonl"))}
        write_json(part / "training.json", {**fitted.facts, "seed": seed, "examples": hashes})
        write_manifest(part)
    click.echo(f"{out}: interpolation {fitted.facts['interpolation']:g}")


def checkpoints_of(model: str, size: str, settings: dict[str, object]) -> Checkpoints:
    """Return the checkpoints of a training, under the hash of everything that it reads."""
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

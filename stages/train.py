"""Fit one model at one size.

    python -m stages.train embedder small

Reads   params.yaml: seed, MODEL.SIZE, base.MODEL.SIZE
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/, data/pairs/MODEL/SIZE/
Writes  models/MODEL/SIZE/   the tuned model, its card (README.md), history.csv (dev along the
                             way), sweep.csv (dev at each interpolation), training.json
"""

import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

import click

from findtune import params
from findtune.bases import Base
from findtune.cards import card
from findtune.files import rounded, sha256, write_csv, write_json
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder", "reranker", "rewriter"]))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fit one MODEL at one SIZE, both as named in params.yaml."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before torch is loaded
    seed = params.read("seed", int)
    base = params.read(f"base.{model}.{size}", Base)
    room = import_module(f"findtune.{model}.training")
    recipe = params.read(f"{model}.{size}", room.Recipe)
    pairs, out = Path("data", "pairs", model, size), Path("models", model, size)

    fitted = room.fit(
        bases={name: Path("models", "base", name, size) for name in ("embedder", model)},
        pairs=pairs,
        recipe=recipe,
        seed=seed,
        say=lambda line: click.echo(f"{model} {size}: {line}", err=True),
        progress=sys.stderr.isatty(),
    )

    part = out.with_name(f".{size}.part")
    shutil.rmtree(part, ignore_errors=True)
    fitted.save(part)
    for name, rows in (("history", fitted.history), ("sweep", fitted.sweep)):
        write_csv(part / f"{name}.csv", list(rows[0]) if rows else [], map(values, rows))
    write_json(part / "training.json", {**fitted.facts, "seed": seed})
    data = {path.name: sha256(path) for path in sorted(pairs.glob("*.jsonl"))}
    told = card(
        name=(model, size),
        about=import_module(f"findtune.{model}.model").ABOUT,
        base=base,
        recipe=recipe.model_dump(),
        facts={**fitted.facts, "seed": seed},
        data=data,
        sweep=fitted.sweep,
    )
    (part / "README.md").write_text(told, encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    a = fitted.facts["interpolation"]
    click.echo(f"{out}: interpolation {a:g}" + ("" if a else ", so the base's own weights"))


def values(row: dict[str, float]) -> list[float]:
    return [rounded(value) for value in row.values()]


if __name__ == "__main__":
    main()

"""Measure what the tuned models gain together on other data, from ingest to the stack's verdict.

    python -m commands.prove_stack small DIR DIR --out .scratch/prove

`commands.prove` cross-validates each model; this trains all models of a DIR once and judges them as
one search, as `make train` does with data/. A DIR is laid out like data/, or has feedback files
at its top. DIR, data/, models/ and metrics/ stay as they are.

Reads   params.yaml: all sections of the models at SIZE, ingest, feedback, seed, stack.SIZE
        dvc.yaml: which kinds of data a model reads
        DIR: the data; data/guard/ for a DIR that has none
        models/base/MODEL/SIZE/
Writes  --out/stacks/NAME/        a project with the data of DIR, its models and its metrics; a
                                  model with the same code, params and data is not trained again
        --out/stacks/table.md     the printed table
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

import findtune
from commands.alone import alone
from commands.code_hash import code_hash
from commands.crossvalidate import setting_hash
from commands.ingest_folder import clean_model
from commands.prove import (
    FOLDERS,
    MODELS,
    OUT,
    SIZE,
    ready_models,
    refuse_equal_names,
    refuse_missing_bases,
)
from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import atomic_open, read_json
from stages.command import Stage, reporter

STDERR = 2  # the file descriptor
HEADER = (
    "| set | models | questions | topics | best untuned | chosen on dev | ndcg@10, untuned "
    "| chosen | difference | 95 % interval | verdict |"
)


@click.command(cls=Stage)
@SIZE
@FOLDERS
@MODELS
@OUT
def main(size: str, folders: tuple[Path, ...], models: list[str], out: Path) -> None:
    """Train the models at SIZE on the data in each DIR, and judge them as one search."""
    refuse_missing_bases(models, size)
    refuse_equal_names(folders)
    notes: list[str] = []
    stacks = out / "stacks"
    click.get_current_context().with_resource(alone(stacks))
    # All data are cleaned before the first training, which takes long.
    ready = {folder: clean_all(folder, models, stacks, notes) for folder in folders}
    rows = [row_of(folder.resolve().name, ready[folder], size, stacks) for folder in folders]
    text = "\n".join([HEADER, "|---" * HEADER.count(" | ") + "|---|", *rows])
    text = "\n\n".join([text, "\n".join(f"- {line}" for line in notes)] if notes else [text])
    with atomic_open(stacks / "table.md") as file:
        file.write(text + "\n")
    click.echo(text)


def clean_all(folder: Path, models: Sequence[str], out: Path, notes: list[str]) -> list[str]:
    """Clean the data of a folder into out/sets/NAME; return the models that have enough data."""
    ready, name = ready_models(folder, models, out, notes), folder.resolve().name
    clean_model("stack", out / "sets" / name, reporter(f"{name} stack: "))
    return ready


def row_of(name: str, models: Sequence[str], size: str, out: Path) -> str:
    """Return the row of the table for the data in out/sets/NAME; trains what is not trained yet."""
    project = lay_out_project(out / name, out / "sets" / name, models)
    for model in models:
        train_once(model, size, project)
    run_stage(project, "stack", size)
    return table_row(name, models, read_json(project / "metrics" / "stack" / f"{size}.json"))


def lay_out_project(project: Path, data: Path, models: Sequence[str]) -> Path:
    """Make a folder in which the stages run: links to data and bases, and its own params.yaml."""
    (project / "models").mkdir(parents=True, exist_ok=True)
    for link, target in (("data", data), ("models/base", Path("models", "base"))):
        (project / link).unlink(missing_ok=True)
        (project / link).symlink_to(target.resolve())
    content = params.load(params.PARAMS)
    with atomic_open(project / "params.yaml") as file:
        yaml.safe_dump({**content, "models": [*models]}, file, sort_keys=False)
    return project


def train_once(model: str, size: str, project: Path) -> None:
    """Prepare and train a model, unless it was trained with the same code, params and data."""
    training = [params.lookup("seed"), params.lookup("launch")]
    setting = f"{setting_hash(model, size, 1, project / 'data')}-{code_hash(model)}-{training}"
    marker = project / "models" / model / f"{size}.setting"
    run_stage(project, "prepare", model, size)
    if not marker.exists() or marker.read_text(encoding="utf-8") != setting:
        marker.unlink(missing_ok=True)
        run_stage(project, "train", model, size)
        marker.write_text(setting, encoding="utf-8")


def run_stage(project: Path, stage: str, *arguments: str) -> None:
    """Run a stage in a project; raise InputError when it fails, after its own message."""
    code = Path(str(findtune.__file__)).parents[1]
    paths = filter(None, (str(code), os.environ.get("PYTHONPATH")))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", f"stages.{stage}", *arguments]
    # Standard output is for the table only.
    ended = subprocess.run(command, cwd=project, env=environment, stdout=STDERR, check=False)
    if ended.returncode:
        raise InputError(f"{' '.join((stage, *arguments))} failed in {project}; see above.")


def table_row(name: str, models: Sequence[str], metrics: dict[str, Any]) -> str:
    """Return the row of a set in the table."""
    difference, measure = metrics["difference"], "ndcg@10"
    cells = [metrics[cell].replace("|", ", ") for cell in ("untuned_cell", "cell")]
    means = [f"{metrics[cell][measure]:.4f}" for cell in ("untuned", "chosen")]
    interval = f"[{difference['ci_low']:+.4f}, {difference['ci_high']:+.4f}]"
    counts = [str(metrics["queries"]), str(metrics["groups"])]
    values = [", ".join(models), *counts, *cells, *means, f"{difference['mean']:+.4f}", interval]
    refused = "" if metrics["ships"] == metrics["cell"] else ", so the untuned one ships"
    return f"| {' | '.join([name, *values, metrics['verdict'] + refused])} |"


if __name__ == "__main__":
    main()

"""Train and judge every fold at several seeds: how large a gain is, and whether a seed made it.

    python -m stages.crossvalidate embedder small --folds 5 --seeds 13,14,15 --out runs

Not a stage of dvc.yaml: it takes as many trainings as folds x seeds.

Reads   params.yaml: base, pair and recipe of MODEL and SIZE; the seed and the folds are given here
        data/clean/MODEL/, models/base/MODEL/SIZE/, models/base/embedder/SIZE/
Writes  --out/runs.csv    a row for each fold and seed; what is there already, and was run with the
                          same parameters, bases and data, is not run again
        --out/pairs.csv   of each held-out pair (of the rewriter: rewrite) what the models say
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from importlib import import_module
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pandas as pd

from findtune import params
from findtune.files import replacing, sha256
from stages.command import Stage

ROOM = ("pairs", "training", "inference")
PREFIXES = ("judged_", "vectors_")  # of measures that some queries may lack


def numbers(_context: click.Context, _option: click.Parameter, told: str) -> list[int]:
    """Return whole numbers that stand between commas."""
    if not all(one.strip().isdecimal() for one in told.split(",")):
        raise click.BadParameter(f"{told!r} is no list of whole numbers; write 13,14,15.")
    return [int(one) for one in told.split(",")]


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder", "reranker", "rewriter"]))
@click.argument("size")
@click.option(
    "--folds",
    default=5,
    show_default=True,
    type=click.IntRange(min=3),
    help="How many disjoint test sets.",
)
@click.option(
    "--seeds",
    default="13,14,15",
    show_default=True,
    callback=numbers,
    help="Seeds of the training.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def main(model: str, size: str, folds: int, seeds: list[int], out: Path) -> None:
    """Cross-validate MODEL at SIZE over the data in data/clean."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before torch is loaded
    parts = {name: import_module(f"findtune.{model}.{name}") for name in ROOM}
    room = SimpleNamespace(name=model, size=size, **parts)
    runs, pairs = read(out / "runs.csv"), read(out / "pairs.csv")
    same = {"setting": setting(model, size, folds)}
    done = {(row.seed, row.fold) for row in of(runs, same).itertuples()}
    for seed, fold in product(seeds, range(folds)):
        if (seed, fold) not in done:
            click.echo(f"seed {seed}, fold {fold}:", err=True)
            run, its = one(room, 1 / folds, fold, seed)
            which: dict[str, int | str] = {"seed": seed, "fold": fold, **same}
            runs = written(out / "runs.csv", runs, which, run)
            pairs = written(out / "pairs.csv", pairs, which, its)
    click.echo(summary(of(runs, same), of(pairs, same)))


def setting(model: str, size: str, folds: int) -> str:
    """Return a short name for all that decides what a run gives, but its seed and fold."""
    keys = (f"base.{model}.{size}", f"pair.{model}.{size}", f"{model}.{size}")
    told = [params.lookup(key) for key in keys]
    data = {path.name: sha256(path) for path in sorted(Path("data", "clean", model).glob("*.*"))}
    every = json.dumps([told, data, folds], sort_keys=True)
    return hashlib.sha256(every.encode()).hexdigest()[:12]


def of(frame: pd.DataFrame, same: dict[str, str]) -> pd.DataFrame:
    """Return the rows that were run with one setting."""
    return frame[frame["setting"] == same["setting"]] if "setting" in frame else frame.iloc[:0]


def read(path: Path) -> pd.DataFrame:
    """Return what earlier runs wrote."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def written(
    path: Path, frame: pd.DataFrame, which: dict[str, int | str], new: pd.DataFrame
) -> pd.DataFrame:
    """Return a table with the rows of one run added, and write it."""
    added = pd.concat([frame, new.assign(**which)], ignore_index=True)
    with replacing(path) as file:
        added.round(4).to_csv(file, index=False)
    return added


def one(
    room: SimpleNamespace, test: float, fold: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measures and the held-out pairs of one fold at one seed.

    test: the share of the test set.
    """
    bases = {name: Path("models", "base", name, room.size) for name in ("embedder", room.name)}
    choices = params.read(f"pair.{room.name}.{room.size}", room.pairs.Choices)
    with tempfile.TemporaryDirectory() as scratch:
        folder, tuned = Path(scratch, "pairs"), Path(scratch, "model")
        room.pairs.write(Path("data", "clean", room.name), folder, choices.cut(test, fold))
        fitted = room.training.fit(
            bases=bases,
            pairs=folder,
            recipe=params.read(f"{room.name}.{room.size}", room.training.Recipe),
            seed=seed,
            say=lambda line: click.echo(f"  {line}", err=True),
            progress=sys.stderr.isatty(),
        )
        fitted.save(tuned)
        held_out = room.inference.read_held_out(folder)
        judged = room.inference.judge(bases, tuned, held_out)
    metrics = room.inference.metrics(judged, held_out, fitted.facts, seed)
    header, rows = room.inference.details(judged, held_out)["pairs"]
    return pd.DataFrame([flat(metrics)]), pd.DataFrame(rows, columns=header)


def flat(metrics: dict[str, Any]) -> dict[str, float]:
    """Return the measures of each ranking by `ranking measure`, and what else is a number."""
    found: dict[str, float] = {}
    for group, values in metrics.items():
        if isinstance(values, dict) and "measure" not in values:
            found |= {f"{group} {name}": value for name, value in values.items()}
        elif isinstance(values, int | float):
            found[group] = values
    return found


def summary(runs: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Return the mean over all queries of each measure, and how far the seeds lie apart."""
    columns = [str(name) for name in runs]
    names = [it.removeprefix("tuned ") for it in columns if it.startswith("tuned ")]
    groups = [it.removesuffix(f" {names[0]}") for it in columns if it.endswith(f" {names[0]}")]
    lines = [f"{len(runs)} runs, {runs['seed'].nunique()} seeds"]
    lines += [f"| | {' | '.join(groups)} |", "|---" * (len(groups) + 1) + "|"]
    for name in names:
        cells = [told(runs, f"{it} {name}") if f"{it} {name}" in columns else "" for it in groups]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if {"label", "base", "tuned"} <= set(pairs):
        by_seed = pairs.groupby("seed")[["label", "base", "tuned"]]
        ranks = by_seed.apply(lambda its: its.corr(method="spearman")["label"])
        both = " | ".join(spread(ranks[name]) for name in ("base", "tuned"))
        lines.append(f"| pairs_spearman, all folds as one | {both} |")
    return "\n".join(lines)


def told(runs: pd.DataFrame, column: str) -> str:
    """Return a measure's mean over the queries that have it, and its deviation over seeds."""
    prefix = next((it for it in PREFIXES if column.startswith(it)), "")
    counts = runs.get(f"{prefix}queries", runs["queries"]).where(runs[column].notna())
    sums = (runs[column] * counts).groupby(runs["seed"]).sum()
    return spread(sums / counts.groupby(runs["seed"]).sum())


def spread(by_seed: pd.Series[float]) -> str:
    mean = f"{by_seed.mean():.4f}"
    return f"{mean} ({by_seed.std(ddof=1):.4f})" if len(by_seed) > 1 else mean


if __name__ == "__main__":
    main()

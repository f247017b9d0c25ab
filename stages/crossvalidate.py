"""Train and judge every fold at several seeds: how sure a gain is, and whether a seed made it.

    python -m stages.crossvalidate embedder small --folds 5 --seeds 13,14,15 --out runs

Not a stage of dvc.yaml: it takes as many trainings as folds x seeds.

Reads   params.yaml: base, pair and recipe of MODEL and SIZE; the seed and the folds are given here
        data/clean/, models/base/MODEL/SIZE/
Writes  --out/runs.csv    a row for each fold and seed; what is there already is not run again
        --out/pairs.csv   the cosine of each held-out scored pair, before and after
"""

from __future__ import annotations

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
from findtune.catalog import read_texts
from findtune.files import replacing
from findtune.scored_pairs import read_clean_pairs
from stages.command import Stage

CLEAN = Path("data", "clean")


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder"]))
@click.argument("size")
@click.option("--folds", default=5, show_default=True, help="How many disjoint test sets.")
@click.option("--seeds", default="13,14,15", show_default=True, help="Seeds of the training.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def main(model: str, size: str, folds: int, seeds: str, out: Path) -> None:
    """Cross-validate MODEL at SIZE over the data in data/clean."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before torch is loaded
    room = SimpleNamespace(
        **{
            name: import_module(f"findtune.{model}.{name}")
            for name in ("pairs", "training", "inference")
        }
    )
    runs, pairs = read(out / "runs.csv"), read(out / "pairs.csv")
    done = {(row.seed, row.fold) for row in runs.itertuples()}
    judged: dict[int, Any] = {}
    for seed, fold in product(map(int, seeds.split(",")), range(folds)):
        if (seed, fold) not in done:
            click.echo(f"seed {seed}, fold {fold}:", err=True)
            run, scored = one(room, model, size, {"test": 1 / folds, "fold": fold}, seed, judged)
            runs = written(out / "runs.csv", runs, {"seed": seed, "fold": fold}, run)
            pairs = written(out / "pairs.csv", pairs, {"seed": seed, "fold": fold}, scored)
    click.echo(summary(runs, pairs))


def read(path: Path) -> pd.DataFrame:
    """Return what earlier runs wrote."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def written(
    path: Path, frame: pd.DataFrame, which: dict[str, int], new: pd.DataFrame
) -> pd.DataFrame:
    """Return a table with the rows of one run added, and write it."""
    added = pd.concat([frame, new.assign(**which)], ignore_index=True)
    with replacing(path) as file:
        added.round(4).to_csv(file, index=False)
    return added


def one(
    room: SimpleNamespace,
    model: str,
    size: str,
    cut: dict[str, float],
    seed: int,
    judged: dict[int, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measures and the scored pairs of one fold at one seed.

    cut: the share of the test set and the number of the fold; judged: the base in each fold,
    judged once and kept.
    """
    base = Path("models", "base", model, size)
    with tempfile.TemporaryDirectory() as scratch:
        folder, tuned = Path(scratch, "pairs"), Path(scratch, "model")
        write_fold(room, model, size, cut, folder)
        recipe = params.read(f"{model}.{size}", room.training.Recipe)
        fitted = room.training.fit(
            base,
            folder,
            recipe,
            seed,
            say=lambda line: click.echo(f"  {line}", err=True),
            progress=sys.stderr.isatty(),
        )
        fitted.model.save_pretrained(str(tuned), create_model_card=False)
        test = room.inference.read_held_out(folder)
        if cut["fold"] not in judged:
            judged[int(cut["fold"])] = room.inference.judge(base, test)
        before, after = judged[int(cut["fold"])], room.inference.judge(tuned, test)
    run = {"queries": len(test.queries), "interpolation": fitted.facts["interpolation"]}
    for which, found in (("base", before), ("tuned", after)):
        measures = room.inference.summary(found, test)
        run |= {f"{which}_{name}": value for name, value in measures.items()}
    scored = {"label": test.labels, "base": before.scored, "tuned": after.scored}
    return pd.DataFrame([run]), pd.DataFrame(scored)


def write_fold(
    room: SimpleNamespace, model: str, size: str, cut: dict[str, float], folder: Path
) -> None:
    """Write the pairs of one fold."""
    choices = params.read(f"pair.{model}.{size}", room.pairs.Choices)
    shares = {
        name: getattr(choices, name).model_copy(update=cut)
        for name in ("variables", "scored_pairs")
    }
    records = room.pairs.pairs(
        read_texts(CLEAN / "catalog.csv"),
        read_clean_pairs(CLEAN / "sentence_pairs.csv"),
        read_clean_pairs(CLEAN / "guard.csv"),
        choices.model_copy(update=shares),
    )
    room.pairs.write_pairs(folder, records)


def summary(runs: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Return the mean over folds of each measure, and how far the seeds lie apart."""
    seeds = runs.groupby("seed").mean()
    names = [name.removeprefix("tuned_") for name in map(str, seeds) if name.startswith("tuned_")]
    table: dict[str, tuple[pd.Series[float], pd.Series[float]]] = {
        name: (seeds[f"base_{name}"], seeds[f"tuned_{name}"]) for name in names
    }
    by_seed = pairs.groupby("seed")[["label", "base", "tuned"]]
    ranks = by_seed.apply(lambda its: its.corr(method="spearman")["label"])
    table["pairs_spearman, all folds as one"] = (ranks["base"], ranks["tuned"])
    lines = [f"{len(runs)} runs, {len(seeds)} seeds", "| | base | tuned | gain | sd over seeds |"]
    lines.append("|---|---|---|---|---|")
    for name, (base, tuned) in table.items():
        gain = tuned - base
        told = f"| {name} | {base.mean():.4f} | {tuned.mean():.4f} | {gain.mean():+.4f} |"
        lines.append(f"{told} {gain.std(ddof=0):.4f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""Train and judge every fold at several seeds: how sure a gain is, and whether a seed made it.

    python -m stages.crossvalidate embedder small --folds 5 --seeds 13,14,15 --out runs.csv

Not a stage of dvc.yaml: it takes as many trainings as folds x seeds.

Reads   params.yaml: base, pair and recipe of MODEL and SIZE; the seed and the folds are given here
        data/clean/, models/base/MODEL/SIZE/
Writes  --out: a row for each fold and seed; what is there already is not run again
"""

import csv
import os
import sys
import tempfile
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from findtune import params
from findtune.catalog import read_texts
from findtune.files import rounded, write_csv
from findtune.scored_pairs import read_clean_pairs
from stages.command import Stage

CLEAN = Path("data", "clean")


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(["embedder"]))
@click.argument("size")
@click.option("--folds", default=5, show_default=True, help="How many disjoint test sets.")
@click.option("--seeds", default="13,14,15", show_default=True, help="Seeds of the training.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The CSV to write.")
def main(model: str, size: str, folds: int, seeds: str, out: Path) -> None:
    """Cross-validate MODEL at SIZE over the data in data/clean."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before torch is loaded
    rows = read(out)
    done = {(row["seed"], row["fold"]) for row in rows}
    judged: dict[int, Any] = {}
    for seed, fold in product(map(int, seeds.split(",")), range(folds)):
        if (str(seed), str(fold)) not in done:
            found = one(model, size, folds, fold, seed, judged)
            rows.append({key: str(rounded(value)) for key, value in found.items()})
            write_csv(out, list(rows[0]), [list(row.values()) for row in rows])
            click.echo(f"seed {seed} fold {fold}: {rows[-1]}", err=True)
    for name in [key for key in rows[0] if key not in ("seed", "fold")]:
        by_seed = [
            np.mean([float(row[name]) for row in rows if row["seed"] == seed])
            for seed in sorted({row["seed"] for row in rows})
        ]
        click.echo(f"{name}: {np.mean(by_seed):.4f} (spread over seeds {np.ptp(by_seed):.4f})")


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of earlier runs."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def one(
    model: str, size: str, folds: int, fold: int, seed: int, judged: dict[int, Any]
) -> dict[str, float]:
    """Return what one fold at one seed gives; the base is judged once for each fold."""
    pairs, training, inference = (
        import_module(f"findtune.{model}.{name}") for name in ("pairs", "training", "inference")
    )
    base = Path("models", "base", model, size)
    choices = params.read(f"pair.{model}.{size}", pairs.Choices)
    cut = {"test": 1 / folds, "fold": fold}
    shares = {
        name: getattr(choices, name).model_copy(update=cut)
        for name in ("variables", "scored_pairs")
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder, tuned = Path(scratch, "pairs"), Path(scratch, "model")
        records = pairs.pairs(
            read_texts(CLEAN / "catalog.csv"),
            read_clean_pairs(CLEAN / "sentence_pairs.csv"),
            read_clean_pairs(CLEAN / "guard.csv"),
            choices.model_copy(update=shares),
        )
        pairs.write_pairs(folder, records)
        recipe = params.read(f"{model}.{size}", training.Recipe)
        say = lambda line: click.echo(f"seed {seed} fold {fold}: {line}", err=True)  # noqa: E731
        fitted = training.fit(base, folder, recipe, seed, say, progress=sys.stderr.isatty())
        fitted.model.save_pretrained(str(tuned), create_model_card=False)
        test = inference.read_held_out(folder)
        before = judged.setdefault(fold, None) or inference.judge(base, test)
        judged[fold] = before
        after = inference.judge(tuned, test)
    summaries = {"base": inference.summary(before, test), "tuned": inference.summary(after, test)}
    found = {f"{which} {name}": v for which, its in summaries.items() for name, v in its.items()}
    counts = {"queries": len(test.queries), "scored_pairs": len(test.scored)}
    return {
        "seed": seed,
        "fold": fold,
        **counts,
        "interpolation": fitted.facts["interpolation"],
        **found,
    }


if __name__ == "__main__":
    main()

"""Train and evaluate every fold at several seeds, to see how large a gain is and how stable.

    python -m commands.crossvalidate embedder small --folds 5 --seeds 13,14,15 --out runs

It takes folds x seeds trainings: one after another, or with FINDTUNE_ENGINE=ray at the same time.

Reads   params.yaml: base, prepare and the recipe of MODEL and SIZE; seed and fold are given here
        data/clean/MODEL/, models/base/MODEL/SIZE/, models/base/embedder/SIZE/
Writes  --out/runs.csv      the measures of each fold and seed; a run with the same code,
                            parameters, bases and data as an earlier one is not repeated
        --out/details.csv   one row for each held-out pair, document or rewrite
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
import pandas as pd

from commands.alone import alone
from commands.code_hash import code_hash
from findtune.core import params
from findtune.core.files import atomic_open, sha256
from findtune.core.processes import runs_on_ray
from stages import rooms
from stages.command import TorchStage, reporter

DATA = Path("data")
VARIANTS = (
    "graded_",
    "bm25_",
    "dense_",
    "hybrid_",
    "new_variables_",
    "feedback_",
)  # prefixes of measures that some queries lack

Say = Callable[[str], None]


def parse_seeds(_context: click.Context, _option: click.Parameter, text: str) -> list[int]:
    """Return the whole numbers of a comma-separated list."""
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise click.BadParameter(f"{text!r} is not a list of whole numbers; write 13,14,15.")
    seeds = [*dict.fromkeys(int(part) for part in text.split(","))]  # repeating a run adds nothing
    if max(seeds) >= params.SEEDS:
        raise click.BadParameter(f"a seed must be below {params.SEEDS:,}.")
    return seeds


@click.command(cls=TorchStage)
@click.argument("model", type=click.Choice(rooms.MODELS))
@click.argument("size")
@click.option(
    "--folds",
    default=5,
    show_default=True,
    type=click.IntRange(min=3),
    help="Number of disjoint test sets.",
)
@click.option(
    "--seeds",
    default="13,14,15",
    show_default=True,
    callback=parse_seeds,
    help="Seeds of the training.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def main(model: str, size: str, folds: int, seeds: list[int], out: Path) -> None:
    """Cross-validate MODEL at SIZE on the data in data/clean."""
    click.get_current_context().with_resource(alone(out))
    runs, details = read_table(out / "runs.csv"), read_table(out / "details.csv")
    setting = f"{setting_hash(model, size, folds)}-{code_hash(model)}"
    done = {(row.seed, row.fold) for row in rows_of(runs, setting).itertuples()}
    open_runs = [
        Run(model=model, size=size, test_share=1 / folds, fold=fold, seed=seed, data=DATA)
        for seed, fold in product(seeds, range(folds))
        if (seed, fold) not in done
    ]
    for run, (measures, rows) in results(open_runs):
        keys = {"seed": run.seed, "fold": run.fold, "setting": setting}
        # Write the measures last: a run that has them counts as done, even after a kill.
        details = append(out / "details.csv", without(details, keys), rows.assign(**keys))
        runs = append(out / "runs.csv", runs, measures.assign(**keys))
    # The tables may hold other seeds, with only some of their folds.
    asked = [of_seeds(rows_of(table, setting), seeds) for table in (runs, details)]
    click.echo(summary(*asked))


def setting_hash(model: str, size: str, folds: int, data: Path = DATA) -> str:
    """Return a hash of everything that decides a run's result, except its code, seed and fold.

    data: the folder whose clean/MODEL/ holds the clean data.
    """
    bases = [f"base.{name}.{size}" for name in rooms.base_folders(model, size)]
    keys = (*bases, f"prepare.{model}.{size}", f"{model}.{size}")
    values = [params.lookup(key) for key in keys]
    hashes = {path.name: sha256(path) for path in sorted((data / "clean" / model).glob("*.*"))}
    text = json.dumps([values, hashes, folds], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def rows_of(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Return the rows of the runs with this setting."""
    return table[table["setting"] == setting] if "setting" in table else table.iloc[:0]


def of_seeds(table: pd.DataFrame, seeds: Sequence[int]) -> pd.DataFrame:
    """Return the rows of the runs with these seeds."""
    return table[table["seed"].isin(seeds)] if "seed" in table else table


def read_table(path: Path) -> pd.DataFrame:
    """Return the table that earlier runs wrote, or an empty one."""
    # A setting may consist of digits only, or look like 12e4.
    return pd.read_csv(path, dtype={"setting": str}) if path.exists() else pd.DataFrame()


def without(table: pd.DataFrame, keys: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table without the rows of one run, which a killed run may have left."""
    if not {*keys} <= {*table}:
        return table
    return table[(table[[*keys]] != pd.Series(keys)).any(axis=1)]


def append(path: Path, table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table with more rows, and write it."""
    longer = pd.concat([table, rows], ignore_index=True)
    with atomic_open(path) as file:
        longer.round(4).to_csv(file, index=False)
    return longer


@dataclass(frozen=True)
class Run:
    """One training and its evaluation; data: the folder whose clean/MODEL/ holds the clean data."""

    model: str
    size: str
    test_share: float
    fold: int
    seed: int
    data: Path


class FoldResult(NamedTuple):
    """The room's evaluation module, what it measured, its examples, and the training's facts."""

    room: ModuleType
    evaluation: Any
    held_out: Any
    facts: Mapping[str, Any]


def results(runs: Sequence[Run]) -> Iterator[tuple[Run, tuple[pd.DataFrame, pd.DataFrame]]]:
    """Yield each run with its measures and details as it ends; several run at once on a cluster."""
    if runs_on_ray():
        from commands import fold_tasks  # only if Ray is asked for

        for number, (run, tables) in enumerate(fold_tasks.run_on_cluster(run_fold, runs), start=1):
            click.echo(f"[{number}/{len(runs)}] seed {run.seed}, fold {run.fold}", err=True)
            yield run, tables
        return
    for run in runs:
        click.echo(f"seed {run.seed}, fold {run.fold}:", err=True)
        yield run, run_fold(run)


def evaluate_fold(run: Run, say: Say, *, progress: bool) -> FoldResult:
    """Train and evaluate one fold at one seed; the trained model is not kept."""
    prepare, training, evaluation = (rooms.load(run.model, cell) for cell in rooms.CELLS)
    bases = rooms.base_folders(run.model, run.size)
    settings = params.read(f"prepare.{run.model}.{run.size}", prepare.PrepareSettings)
    with tempfile.TemporaryDirectory() as scratch:
        examples, tuned = Path(scratch, "examples"), Path(scratch, "model")
        fold_settings = settings.with_fold(run.test_share, run.fold)
        prepare.write_examples(run.data / "clean" / run.model, examples, fold_settings)
        fitted = training.fit(
            bases=bases,
            examples=examples,
            recipe=params.read(f"{run.model}.{run.size}", training.Recipe),
            seed=run.seed,
            say=say,
            progress=progress,
        )
        fitted.save(tuned)
        held_out = evaluation.read_held_out(examples)
        evaluated = evaluation.evaluate_model(bases, tuned, held_out)
    return FoldResult(evaluation, evaluated, held_out, fitted.facts)


def run_fold(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measures and the details of one fold at one seed."""
    room, evaluation, held_out, facts = evaluate_fold(
        run, reporter("  "), progress=sys.stderr.isatty()
    )
    metrics = room.metrics(evaluation, held_out, facts, run.seed)
    header, rows = room.details(evaluation, held_out)["details"]
    return pd.DataFrame([flatten(metrics)]), pd.DataFrame(rows, columns=header)


def flatten(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the measures of each ranking as `RANKING MEASURE`, and all other numbers."""
    flat: dict[str, float] = {}
    for group, values in metrics.items():
        if isinstance(values, dict) and "measure" not in values:
            flat |= {f"{group} {name}": value for name, value in values.items()}
        elif isinstance(values, int | float):
            flat[group] = values
    return flat


def summary(runs: pd.DataFrame, details: pd.DataFrame) -> str:
    """Return a table: each measure's mean over all queries and standard deviation over seeds."""
    columns = [str(name) for name in runs]
    names = [col.removeprefix("tuned ") for col in columns if col.startswith("tuned ")]
    groups = [col.removesuffix(f" {names[0]}") for col in columns if col.endswith(f" {names[0]}")]
    lines = [f"{len(runs)} runs, {runs['seed'].nunique()} seeds"]
    lines += [f"| | {' | '.join(groups)} |", "|---" * (len(groups) + 1) + "|"]
    for name in names:
        wanted = [f"{group} {name}" for group in groups]
        cells = [over_queries(runs, column) if column in columns else "" for column in wanted]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if {"label", "base", "tuned"} <= set(details) and not details.empty:
        by_seed = details.groupby("seed")[["label", "base", "tuned"]]
        correlations = by_seed.apply(lambda rows: rows.corr(method="spearman")["label"])
        cells = [mean_and_deviation(correlations[name]) for name in ("base", "tuned")]
        lines.append(f"| pairs_spearman, all folds together | {' | '.join(cells)} |")
    return "\n".join(lines)


def over_queries(runs: pd.DataFrame, column: str) -> str:
    """Return a measure's mean over the queries that have it, and its deviation over the seeds."""
    prefix = next((name for name in VARIANTS if column.startswith(name)), "")
    counts = runs.get(f"{prefix}queries", runs["queries"]).where(runs[column].notna())
    sums = (runs[column] * counts).groupby(runs["seed"]).sum()
    return mean_and_deviation(sums / counts.groupby(runs["seed"]).sum())


def mean_and_deviation(by_seed: pd.Series[float]) -> str:
    mean = f"{by_seed.mean():.4f}"
    return f"{mean} ({by_seed.std(ddof=1):.4f})" if len(by_seed) > 1 else mean


if __name__ == "__main__":
    main()

"""Measure what tuning gains on other data, from ingest to evaluation, with one table for all sets.

    python -m commands.prove small DIR DIR --folds 4 --seeds 13,14 --out .scratch/prove

A DIR is laid out like data/, or has feedback files at its top. It is cross-validated: every query
is tested once for each seed. DIR, data/, models/ and metrics/ stay as they are.

Reads   params.yaml: all sections of the models at SIZE; ingest, feedback
        dvc.yaml: which kinds of data a model reads
        DIR: the data; data/guard/ for a DIR that has none
        models/base/MODEL/SIZE/, models/base/embedder/SIZE/
Writes  --out/sets/NAME/            the clean data of a DIR, and links to its files
        --out/runs/NAME-MODEL.csv   every measure of every query, by seed and fold; a fold with the
                                    same code, parameters, bases and data is not repeated
        --out/table.md              the printed table
        --out/per_query.csv         every measure of every query, mean over the seeds
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import click
import pandas as pd

from commands.alone import alone
from commands.code_hash import code_hash
from commands.crossvalidate import (
    Run,
    append,
    evaluate_fold,
    parse_seeds,
    read_table,
    rows_of,
    setting_hash,
)
from commands.ingest_folder import clean_model, has_guard, lay_out, why_not_ready
from findtune.core.errors import FindtuneError, InputError
from findtune.core.files import atomic_open
from findtune.core.processes import ENGINE, runs_on_ray
from findtune.evaluation.pooling import Rankings, average_seeds, judge
from stages import rooms
from stages.command import TorchStage, die_with_parent, reporter

NOTHING_MEASURED = "no held-out question was measured; add questions that have picks."
HEADER = (
    "| set | model | measure | questions | groups | as shown | best untuned | tuned | difference "
    "| 95 % interval | verdict |"
)


def parse_models(_context: click.Context, _option: click.Parameter, text: str) -> list[str]:
    """Return the models of a comma-separated list, in the order of the pipeline."""
    names = re.findall(r"[^\s,]+", text)
    if unknown := [name for name in names if name not in rooms.MODELS] or not names:
        raise click.BadParameter(f"{unknown or text!r}: name some of {', '.join(rooms.MODELS)}.")
    return [model for model in rooms.MODELS if model in names]


# The arguments and options that this command and prove_stack share.
SIZE = click.argument("size")
FOLDERS = click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
MODELS = click.option(
    "--models",
    default=",".join(rooms.MODELS),
    show_default=True,
    callback=parse_models,
    help="The models to tune.",
)
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(".scratch", "prove"),
    show_default=True,
    help="Folder to write to.",
)


@click.command(cls=TorchStage)
@SIZE
@FOLDERS
@MODELS
@click.option(
    "--folds",
    default=4,
    show_default=True,
    type=click.IntRange(min=3),
    help="Number of disjoint test sets.",
)
@click.option(
    "--seeds",
    default="13,14",
    show_default=True,
    callback=parse_seeds,
    help="Seeds of the training.",
)
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of trainings at the same time.",
)
@OUT
def main(
    size: str,
    folders: tuple[Path, ...],
    models: list[str],
    folds: int,
    seeds: list[int],
    jobs: int,
    out: Path,
) -> None:
    """Cross-validate the models at SIZE on the data in each DIR, and print one table."""
    refuse_missing_bases(models, size)
    refuse_equal_names(folders)
    click.get_current_context().with_resource(alone(out))
    notes: list[str] = []
    proofs = [
        new_proof(folder.resolve().name, model, size, folds=folds, seeds=seeds, out=out)
        for folder in folders
        for model in ready_models(folder, models, out, notes)
    ]
    run_all(proofs, jobs, notes)
    tables = {proof: average_seeds(proof.values()) for proof in proofs if not proof.open_runs()}
    if not tables:
        raise InputError("nothing was measured; the lines above say why.")
    write_per_query(out / "per_query.csv", tables)
    text = table_text(tables, notes)
    with atomic_open(out / "table.md") as file:
        file.write(text + "\n")
    click.echo(text)


def refuse_missing_bases(models: Sequence[str], size: str) -> None:
    """Raise InputError when a base model is missing."""
    for model in models:
        for name, folder in rooms.base_folders(model, size).items():
            if not folder.is_dir():
                remedy = f"`dvc repro base@{name}-{size}` makes it"
                raise InputError(f"there is no {folder}; {remedy}.")


def refuse_equal_names(folders: Sequence[Path]) -> None:
    """Raise InputError when two folders have the same name, by which the table lists them."""
    for name, count in Counter(folder.resolve().name for folder in folders).items():
        if count > 1:
            raise InputError(f"{count} folders are called {name}; give them different names.")


def ready_models(folder: Path, models: Sequence[str], out: Path, notes: list[str]) -> list[str]:
    """Clean the data of a folder; return the models that have enough data, and note the others.

    Raises InputError when no model has enough.
    """
    name = folder.resolve().name
    data = out / "sets" / name
    lay_out(folder, data)
    skipped = {model: why_not_ready(model, folder, data) for model in models}
    ready = [model for model in models if not skipped[model]]
    if not ready:
        reasons = " ".join(dict.fromkeys(skipped.values()))
        raise InputError(f"{folder} has no data for {', '.join(models)}: {reasons}")
    if "embedder" in ready and not has_guard(folder):
        click.echo(f"{name}: it has no guard/, so that of data/ is used", err=True)
    for model in models:
        if skipped[model]:
            note(notes, f"{name} {model}: skipped: {skipped[model]}")
        else:
            clean_model(model, data, reporter(f"{name} {model}: "))
    return ready


def note(notes: list[str], line: str) -> None:
    """Print a line, and keep it for the notes below the table."""
    click.echo(line, err=True)
    notes.append(line)


@dataclass(frozen=True)
class Proof:
    """One model on one set of data: where its runs are, and which are still to do.

    setting: a hash of everything that decides a run's result, except its seed and fold.
    """

    setting: str
    name: str
    model: str
    size: str
    folds: int
    seeds: tuple[int, ...]
    out: Path

    @property
    def label(self) -> str:
        """The start of the lines about progress."""
        return f"{self.name} {self.model}"

    @property
    def path(self) -> Path:
        """The file with the values of all runs."""
        return self.out / "runs" / f"{self.name}-{self.model}.csv"

    @property
    def data(self) -> Path:
        """The folder that holds the clean data of the set."""
        return self.out / "sets" / self.name

    def values(self) -> pd.DataFrame:
        """Return the values of the runs of this setting and these seeds."""
        rows = rows_of(read_table(self.path), self.setting)
        if rows.empty:
            return rows
        wanted = rows[rows["seed"].isin(self.seeds)]
        return wanted.drop(columns="setting").dropna(axis="columns", how="all")

    def open_runs(self) -> list[Run]:
        """Return the runs that are not in the file yet."""
        rows = self.values()
        done = set() if rows.empty else {*zip(rows["seed"], rows["fold"], strict=True)}
        return [
            Run(self.model, self.size, 1 / self.folds, fold=fold, seed=seed, data=self.data)
            for seed, fold in product(self.seeds, range(self.folds))
            if (seed, fold) not in done
        ]

    def add(self, run: Run, values: pd.DataFrame) -> None:
        """Append the values of a run to those of earlier runs."""
        keys = {"seed": run.seed, "fold": run.fold, "setting": self.setting}
        append(self.path, read_table(self.path), values.assign(**keys))


def new_proof(
    name: str, model: str, size: str, *, folds: int, seeds: Sequence[int], out: Path
) -> Proof:
    """Return the proof of a model on a set whose data are clean."""
    parameters = setting_hash(model, size, folds, out / "sets" / name)
    setting = f"{parameters}-{code_hash(model)}"
    return Proof(setting, name, model, size, folds, tuple(seeds), out)


class Outcome(NamedTuple):
    """The values of one run, a row for each query, or why there are none; and its duration."""

    values: pd.DataFrame
    problem: str
    seconds: float


def run_all(proofs: Sequence[Proof], jobs: int, notes: list[str]) -> None:
    """Run what is still to do, and write the values of each run as soon as it ends."""
    tasks = [(proof, run) for proof in proofs for run in proof.open_runs()]
    problems: dict[str, set[str]] = defaultdict(set)
    for number, (proof, run, outcome) in enumerate(outcomes(tasks, jobs), start=1):
        if outcome.problem:
            problems[proof.label].add(outcome.problem)
        else:
            proof.add(run, outcome.values)
        result = outcome.problem or f"{len(outcome.values)} queries"
        click.echo(
            f"[{number}/{len(tasks)}] {proof.label}, seed {run.seed}, fold {run.fold}: {result}, "
            f"{outcome.seconds:.0f} s",
            err=True,
        )
    notes += [f"{label}: skipped: {min(reasons)}" for label, reasons in problems.items()]


def outcomes(tasks: Sequence[tuple[Proof, Run]], jobs: int) -> Iterator[tuple[Proof, Run, Outcome]]:
    """Yield each run with its outcome as it ends; more than one job runs in child processes.

    Raises InputError when a number of jobs is given to Ray, which uses all its processors.
    """
    if runs_on_ray():
        refuse_jobs(jobs)
        from commands import fold_tasks  # only if Ray is asked for

        proofs = {run: proof for proof, run in tasks}
        for run, outcome in fold_tasks.run_on_cluster(attempt, [*proofs]):
            yield proofs[run], run, outcome
        return
    if jobs == 1:
        for proof, run in tasks:
            yield proof, run, attempt(run)
        return
    # "spawn", since a process that has loaded torch must not be forked.
    executor = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=die_with_parent
    )
    try:
        futures = {executor.submit(attempt, run): (proof, run) for proof, run in tasks}
        for future in as_completed(futures):
            yield *futures[future], future.result()
    finally:
        executor.shutdown(cancel_futures=True)


def refuse_jobs(jobs: int) -> None:
    """Raise InputError for more than one job."""
    if jobs > 1:
        raise InputError(
            f"--jobs is {jobs}, which is for one machine; leave it out with {ENGINE}=ray, which "
            "runs as many trainings as the cluster has processors for."
        )


def attempt(run: Run) -> Outcome:
    """Return the outcome of one run; an error that a user can fix becomes its problem."""
    start = time.monotonic()
    try:
        values = query_values(run)
        problem = NOTHING_MEASURED if values.empty else ""
    except FindtuneError as error:
        values, problem = pd.DataFrame(), str(error)
    return Outcome(values, problem, time.monotonic() - start)


def query_values(run: Run) -> pd.DataFrame:
    """Return every measure of every held-out query, and a label of its group.

    The label is a hash, so that the written files show no query.
    """
    room, evaluation, held_out, _ = evaluate_fold(run, lambda _: None, progress=False)
    header, rows = room.details(evaluation, held_out)["per_query"]
    table, groups = pd.DataFrame(rows, columns=header), held_out.groups
    if run.model == "embedder" and not groups:  # without a catalog it is judged on lists
        groups = [row["group"] for row in held_out.lists]
    digests = [hashlib.sha256(str(group).encode()).hexdigest() for group in groups]
    return table.assign(group=[f"g{digest[:12]}" for digest in digests])


def decisive_rows(queries: pd.DataFrame) -> pd.DataFrame:
    """Return the queries on which a verdict rests; of a catalog, those for known variables.

    Another fold may hold out the same wording for a known variable, and it would count twice.
    """
    if "known" not in queries or not queries["known"].any():
        return queries
    return queries[queries["known"].astype(bool)].reset_index(drop=True)


def write_per_query(path: Path, tables: Mapping[Proof, pd.DataFrame]) -> None:
    """Write the values of all queries of all sets."""
    parts = {(proof.name, proof.model): queries for proof, queries in tables.items()}
    labelled = pd.concat(parts, names=["set", "model"]).reset_index(["set", "model"])
    with atomic_open(path) as file:
        labelled.round(4).to_csv(file, index=False)


def table_text(tables: Mapping[Proof, pd.DataFrame], notes: Sequence[str]) -> str:
    """Return the Markdown table of all sets, and below it the notes."""
    lines = [HEADER, "|---" * (HEADER.count("|") - 1) + "|"]
    for proof, queries in tables.items():
        room = rooms.load(proof.model, "evaluation")
        rankings = Rankings(room.BEFORE_TUNING, room.DECISIVE, room.VARIANTS)
        rows = judge(decisive_rows(queries), rankings, proof.seeds[0])
        lines += [table_row(proof, row) for row in rows]
    lines += [""] * bool(notes) + [f"- {line}" for line in notes]
    return "\n".join(lines)


def table_row(proof: Proof, row: Mapping[str, Any]) -> str:
    """Return a line of the table; only the row that decides has a verdict."""
    means, best = row["means"], row["against"]
    cells = [
        proof.name,
        proof.model,
        row["measure"],
        f"{row['queries']}",
        f"{row['groups']}",
        f"{means['as_shown']:.4f}" if "as_shown" in means else "",
        f"{means[best]:.4f} ({best})",
        f"{means['tuned']:.4f}",
        f"{row['mean']:+.4f}",
        f"[{row['ci_low']:+.4f}, {row['ci_high']:+.4f}]",
        row["verdict"] if row["decides"] else "",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

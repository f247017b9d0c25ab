"""Compare the speed and memory of the models of one size with what the libraries offer as shipped.

    python -m commands.bench small
    python -m commands.bench small --only encoding --only reranking
    python -m commands.bench small --quality --out .scratch/bench.md

Every contestant runs in a process of its own, and they take turns: ours, theirs, ours, theirs,
ours. It prints one Markdown table. Nothing else should run on the machine meanwhile.

Reads   params.yaml, models/, data/examples/
Writes  the file of --out
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click

from findtune.benchmark.comparisons import COMPARISONS, QUALITY, Comparison
from findtune.benchmark.machine import describe_machine, load_average
from findtune.benchmark.table import table
from findtune.benchmark.turns import run_apart, take_turns
from findtune.core.errors import InputError
from findtune.core.files import atomic_open
from findtune.core.manifest import is_model
from stages.command import Stage, reporter


@click.command(cls=Stage)
@click.argument("size")
@click.option("--only", multiple=True, type=click.Choice([*COMPARISONS]), help="Run only these.")
@click.option("--rounds", default=2, show_default=True, type=click.IntRange(min=1))
@click.option("--quality", is_flag=True, help="Train whole epochs, too, and judge them (long).")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to a file, too.")
def main(size: str, only: tuple[str, ...], rounds: int, quality: bool, out: Path | None) -> None:
    """Compare the models of SIZE with the libraries as shipped; opponents run ROUNDS times each."""
    chosen = {name: COMPARISONS[name]._replace(rounds=rounds) for name in only or COMPARISONS}
    chosen |= QUALITY if quality else {}
    refuse_missing(chosen, size)
    run = partial(run_apart, ["-m", "commands.bench_contestant", size])
    load = load_average()
    results = {
        name: take_turns(name, comparison, run, reporter("bench: "))
        for name, comparison in chosen.items()
    }
    text = "\n\n".join([table(chosen, results), machine_line(load)])
    click.echo(text)
    if out:
        with atomic_open(out) as file:
            file.write(f"{text}\n")


def refuse_missing(chosen: Mapping[str, Comparison], size: str) -> None:
    """Raise InputError unless the models and examples of a size are there."""
    rooms = sorted({room for comparison in chosen.values() for room in comparison.rooms})
    folders = [Path("models", room, size) for room in rooms]
    folders += [
        Path("data", "examples", room, size) for room in ("embedder", "reranker", "rewriter")
    ]
    for folder in folders:
        if not is_model(folder):
            raise InputError(f"there is no {folder}; `make train SIZE={size}` makes it.")


def machine_line(load_before: str) -> str:
    """Return the line that says where and under which load the table was measured."""
    return (
        f"Measured on {describe_machine()}. Load average of the last minute: "
        f"{load_before} before, {load_average()} after."
    )


if __name__ == "__main__":
    main()

"""Compare the speed and memory of the models of one size with the stock libraries.

    python -m commands.bench small
    python -m commands.bench small --only encoding --only reranking
    python -m commands.bench small --quality --out .scratch/bench.md

Every contestant runs in its own process, and they take turns: ours, theirs, ours, theirs, ours.
Prints one Markdown table. Nothing else should run on the machine meanwhile.

Reads   params.yaml, models/, data/examples/
Writes  the file of --out
"""

from collections.abc import Callable, Mapping
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
from findtune.health.missing import how_to_get
from stages.command import Stage, reporter

Comparisons = Mapping[str, Comparison]


@click.command(cls=Stage)
@click.argument("size")
@click.option("--only", multiple=True, type=click.Choice([*COMPARISONS]), help="Run only these.")
@click.option("--rounds", default=2, show_default=True, type=click.IntRange(min=1))
@click.option("--quality", is_flag=True, help="Also train whole epochs and evaluate them (long).")
@click.option("--out", type=click.Path(path_type=Path), help="Also write the table to this file.")
def main(size: str, only: tuple[str, ...], rounds: int, quality: bool, out: Path | None) -> None:
    """Compare the models of SIZE with the stock libraries; opponents run ROUNDS times each."""
    chosen = {name: COMPARISONS[name]._replace(rounds=rounds) for name in only or COMPARISONS}
    chosen |= QUALITY if quality else {}
    say = reporter("bench: ")
    if not only:
        chosen = without_skipped(chosen, size, say)
    refuse_missing(chosen, size)
    run = partial(run_apart, ["-m", "commands.bench_contestant", size])
    load = load_average()
    results = {name: take_turns(name, comparison, run, say) for name, comparison in chosen.items()}
    text = "\n\n".join([table(chosen, results), machine_line(load)])
    click.echo(text)
    if out:
        with atomic_open(out) as file:
            file.write(f"{text}\n")


def without_skipped(
    chosen: Comparisons, size: str, say: Callable[[str], None]
) -> dict[str, Comparison]:
    """Return the comparisons without those that need an untrained model."""
    kept = {}
    for name, comparison in chosen.items():
        if room := skipped_room(comparison, size):
            say(f"{comparison.title} is left out, since the {room} is not trained")
        else:
            kept[name] = comparison
    return kept


def refuse_missing(chosen: Comparisons, size: str) -> None:
    """Raise InputError unless the models and examples of a size exist."""
    for comparison in chosen.values():
        if room := skipped_room(comparison, size):
            raise InputError(
                f"{comparison.title} needs the {room}, which is not trained; add it to models in "
                "params.yaml, or leave this comparison out."
            )
        for _, folder in needed_folders(comparison, size):
            if not folder.exists():
                raise InputError(f"there is no {folder}; {how_to_get(size)}.")


def skipped_room(comparison: Comparison, size: str) -> str:
    """Return the first room of a comparison whose model is not trained, or an empty text."""
    folders = needed_folders(comparison, size)
    return next((room for room, path in folders if path.exists() and not is_model(path)), "")


def needed_folders(comparison: Comparison, size: str) -> list[tuple[str, Path]]:
    """Return the folders that a comparison reads, each with its room."""
    models = [(room, Path("models", room, size)) for room in comparison.rooms]
    examples = [(room, Path("data", "examples", room, size)) for room in comparison.examples]
    return [*models, *examples]


def machine_line(load_before: str) -> str:
    """Return the line that names the machine and its load before and after."""
    return (
        f"Measured on {describe_machine()}. Load average of the last minute: "
        f"{load_before} before, {load_average()} after."
    )


if __name__ == "__main__":
    main()

"""Check what people edit and what users chose, keep the good part, and tell of every bad one.

    python -m stages.ingest catalog

Reads   params.yaml: ingest                       catalog, sentence_pairs, guard
        params.yaml: feedback                     the other kinds
        data/autogen_input/, data/alternatives/   catalog
        data/finetuning/                          sentence_pairs
        data/guard/                               guard
        data/training_data/                       reranker, judgments, rewriting, corpus, qrels,
                                                  preferences
Writes  in data/clean/, in the folder of the model that learns from the kind:
        KIND.csv, KIND.json or KIND.jsonl  the good rows or records, each with where it is from
        KIND.notes.csv                     what was rejected, dropped or odd: file, line (or the
                                           record's number), column, value, reason, remedy
        KIND.counts.json                   how many of each
"""

import sys
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune import params
from stages.command import Stage

DATA = Path("data")
# Loaded by name, so that new code for feedback never makes the curators' data anew.
HOMES = {
    "catalog": "curated",
    "sentence_pairs": "curated",
    "guard": "curated",
    "reranker": "feedback",
    "rewriting": "feedback",
    "corpus": "feedback",
    "preferences": "feedback",
    "judgments": "judgments",
    "qrels": "judgments",
}
TOLD = 5  # rejects that are shown
ACTIONS = ("rejected", "dropped", "kept")  # of notes
SECTIONS = {"curated": "ingest", "feedback": "feedback", "judgments": "feedback"}


@click.command(cls=Stage)
@click.argument("kind", type=click.Choice([*HOMES]))
def main(kind: str) -> None:
    """Check and clean one KIND of data."""
    home = import_module(f"findtune.{HOMES[kind]}")
    limits = params.read(SECTIONS[HOMES[kind]], home.Limits)
    counts, rejects = home.write_clean(kind=kind, data=DATA, limits=limits, bar=bar)
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    click.echo(f"{kind}: {told}")
    for note in rejects[:TOLD]:
        click.echo(f"  {note.action} {note}", err=True)
    if any(counts[action] for action in ACTIONS):
        [notes] = DATA.glob(f"clean/*/{kind}.notes.csv")
        click.echo(f"  all that was rejected, dropped or odd: {notes}")


def bar(size: int) -> AbstractContextManager[Any]:
    """Return a progress bar over bytes, drawn only where somebody looks."""
    return click.progressbar(
        length=size,
        label="read",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        update_min_steps=1 << 20,
    )


if __name__ == "__main__":
    main()

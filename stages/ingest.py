"""Check what people edit, keep the good rows, and tell of every bad one.

    python -m stages.ingest catalog

Reads   params.yaml: ingest
        data/autogen_input/, data/alternatives/   catalog
        data/finetuning/                          sentence_pairs
        data/guard/                               guard
Writes  data/clean/KIND.csv              the good rows, each with the file and line it is from
        data/clean/KIND.notes.csv        what was rejected or odd: file, line, column, value, remedy
        data/clean/KIND.counts.json      how many of each
"""

from collections import Counter
from pathlib import Path

import click

from findtune import params
from findtune.catalog import read_catalog, write_texts
from findtune.files import write_json
from findtune.scored_pairs import read_scored_pairs, write_scored_pairs
from findtune.tables import Limits, refuse_too_many, write_notes
from stages.command import Stage

DATA = Path("data")
FOLDERS = {"sentence_pairs": DATA / "finetuning", "guard": DATA / "guard"}


@click.command(cls=Stage)
@click.argument("kind", type=click.Choice(["catalog", *FOLDERS]))
def main(kind: str) -> None:
    """Check and clean one KIND of data."""
    limits = params.read("ingest", Limits)
    clean = DATA / "clean" / f"{kind}.csv"
    if kind == "catalog":
        texts, notes = read_catalog(DATA, limits.longest_cell)
        rows = len({text.source for text in texts})
        counts = Counter(f"{text.catalog} {text.role}" for text in texts)
    else:
        pairs, notes = read_scored_pairs(FOLDERS[kind], limits.longest_cell)
        rows, counts = len(pairs), Counter(pairs=len(pairs))

    write_notes(clean.with_suffix(".notes.csv"), notes)
    counts.update(note.action for note in notes)
    write_json(clean.with_suffix(".counts.json"), counts)
    refuse_too_many(notes, rows, limits.max_rejected, clean.with_suffix(".notes.csv"))
    if kind == "catalog":
        write_texts(clean, texts)
    else:
        write_scored_pairs(clean, pairs)
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    click.echo(f"{clean}: {told}")
    for note in [note for note in notes if note.action == "rejected"][:5]:
        click.echo(f"  rejected {note}", err=True)


if __name__ == "__main__":
    main()

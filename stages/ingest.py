"""Check and clean one kind of data, and report every row or record that is left out.

    python -m stages.ingest embedder catalog

Reads   params.yaml: models; ingest for CSV files, feedback for JSON files
        data/: the files of the kind, see findtune/ingest/kinds.py
Writes  data/clean/MODEL/KIND.jsonl         the good records, each with its origin
        data/clean/MODEL/KIND.report.csv    what was rejected, dropped or unusual: file, line or
                                            record number, column, value, reason, remedy
        data/clean/MODEL/KIND.counts.json   how many of each
"""

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.printing import printable
from findtune.ingest.clean_files import write_clean, write_empty
from findtune.ingest.data_files import MissingFilesError
from findtune.ingest.kinds import KINDS
from findtune.ingest.limits import LIMITS
from findtune.ingest.report import IngestReport
from stages.command import Stage

DATA = Path("data")
MODELS = ("embedder", "reranker", "rewriter", "stack", "preferences")


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(MODELS))
@click.argument("kind", type=click.Choice([*KINDS]))
def main(model: str, kind: str) -> None:
    """Check and clean one KIND of data for one MODEL."""
    out = DATA / "clean" / model
    try:
        report = clean(kind, data=DATA, out=out)
    except MissingFilesError as error:
        report = write_empty(kind, out, str(error), why_not_needed(model, kind, error))
    counts = [f"{number} {name}" for name, number in sorted(report.counts.items())]
    click.echo(f"{model}/{kind}: {', '.join(counts).replace('_', ' ')}")
    for line in report.lines_to_print():
        click.echo(f"  {printable(line)}", err=True)
    if report.has_rows:
        click.echo(f"  full report: {out / kind}.report.csv")


def why_not_needed(model: str, kind: str, error: MissingFilesError) -> str:
    """Return why the training goes on without the files of a kind.

    Raises MissingFilesError, with a remedy, if it can't.
    """
    if kind == "catalog":
        return "until then, the embedder learns from feedback alone"
    if model in params.read("models", list[str]):
        remedy = f"To do without it, remove {model} from `models` in params.yaml."
        raise MissingFilesError(f"{error} {remedy}") from None
    return f"{model} is not trained, so none is needed"


def clean(kind: str, *, data: Path, out: Path) -> IngestReport:
    """Check and clean one kind of the data in a folder, with the limits of params.yaml.

    Raises InputError as `write_clean` does.
    """
    limits = params.read(KINDS[kind].section, LIMITS[KINDS[kind].section])
    return write_clean(kind, data=data, out=out, limits=limits, progress_bar=progress_bar)


def progress_bar(size: int) -> AbstractContextManager[Any]:
    """Return a progress bar over bytes, shown only at a terminal."""
    return click.progressbar(
        length=size,
        label="read",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        update_min_steps=1 << 20,
    )


if __name__ == "__main__":
    main()

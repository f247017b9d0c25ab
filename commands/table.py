"""Print measures as Markdown, or write them into a document.

    python -m commands.table embedder/small
    python -m commands.table embedder/small --summary --into README.md

Reads   metrics/MODEL/SIZE.json; --check: the files in git that the stages read
Writes  --into: the rows or sections of these models between the markers; others stay
"""

from pathlib import Path

import click

from findtune.core.errors import FindtuneError, InputError
from findtune.core.files import atomic_open, read_json
from findtune.health.gates import stale_trained_stages
from findtune.health.missing import how_to_make
from findtune.report import markdown
from stages.command import Stage

FEW_QUESTIONS = 50  # with fewer, only a large difference shows
STALE = (
    "These measures do not belong to the current data, params and code; make train brings "
    "them up to date."
)


@click.command(cls=Stage)
@click.argument("models", nargs=-1, required=True)
@click.option("--summary", is_flag=True, help="Print one row for each model.")
@click.option("--into", type=click.Path(path_type=Path), help="A Markdown file with markers.")
@click.option("--check", is_flag=True, help="Say if the measures are out of date.")
def main(models: tuple[str, ...], summary: bool, into: Path | None, check: bool) -> None:
    """Print the measures of MODELS, each given as MODEL/SIZE."""
    write_entry = markdown.summary_row if summary else markdown.section
    join = markdown.summary if summary else markdown.full
    metrics = {name: read_metrics(name) for name in models}
    entries = {name: write_entry(name, values) for name, values in metrics.items()}
    if into:
        document = read_document(into)
        kept = markdown.entries_between_markers(document)
        updated = markdown.replace_between_markers(
            document, join(kept | entries), (markdown.START, markdown.END)
        )
        with atomic_open(into) as file:
            file.write(updated)
    click.echo(join(entries))
    for name, values in metrics.items():
        if count_different(values) < FEW_QUESTIONS:
            click.echo(few_questions_warning(name, values), err=True)
    if check and not are_current():
        click.echo(STALE, err=True)


def are_current() -> bool:
    """Return whether the measures surely belong to the current data, params and code."""
    try:
        return not stale_trained_stages()
    except FindtuneError:  # it can't be determined
        return False


def count_different(metrics: markdown.Metrics) -> int:
    """Return how many questions a test rests on; those of one group count once."""
    return int(metrics.get("groups", metrics["queries"]))


def few_questions_warning(name: str, metrics: markdown.Metrics) -> str:
    """Return what a test on few questions can't show."""
    difference = metrics.get("difference_best", metrics["difference"])
    number = count_different(metrics)
    different = "different " if number < metrics["queries"] else ""
    warning = f"warning: {name} was tested on only {number} {different}questions"
    if "minimum_detectable_effect" in difference:
        effect = f"{difference['minimum_detectable_effect']:.4f} of {difference['measure']}"
        warning += f", and so few can't show a difference below {effect}"
    return f"{warning}; add data, or test on all of it in turn: make crossvalidate."


def read_metrics(name: str) -> markdown.Metrics:
    """Return the metrics of MODEL/SIZE."""
    path = Path("metrics", f"{name}.json")
    if not path.exists():
        raise InputError(f"there is no {path}; {how_to_make(name.rpartition('/')[2])}.")
    try:
        metrics: markdown.Metrics = read_json(path)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        remedy = "is it a merge conflict? `git checkout --ours` it, then `make train`"
        raise InputError(f"{path} is not JSON (line {line}); {remedy}.") from None
    if "difference" not in metrics:
        raise InputError(f"{path} has another format; `make train` writes it again.")
    return metrics


def read_document(path: Path) -> str:
    """Return the text of a document that the user named."""
    if not path.is_file():
        raise InputError(f"there is no file {path}; --into takes a Markdown file with markers.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from None


if __name__ == "__main__":
    main()

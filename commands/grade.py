"""List what searches find for held-out questions and nobody judged, for people to grade.

    python -m commands.grade small

A document that nobody judged counts as irrelevant. That wrongs a pipeline which finds what users
were never shown. The list names no pipeline, and its order says nothing. Write a whole number into
`grade`, 0 for a document that answers nothing, and run `make train`: only the stack is judged
again, and no model learns from these grades. Run this command again when the models have changed:
it adds what is new, and keeps each row that is there.

Reads   all that stages/stack.py reads
Writes  data/training_data/search_grades.csv
"""

import csv
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.core.files import write_csv
from findtune.core.text import normalize
from findtune.ingest.feedback import FOLDER, SEARCH_GRADES
from findtune.ingest.review import from_cell, to_cell
from stages import stack
from stages.command import TorchStage

PATH = Path("data", FOLDER, SEARCH_GRADES)
HEADER = ["query", "history", "url", "text", "grade"]
MAX_TEXT_CHARS = 1000  # of a document, which a person reads

Row = dict[str, str]


@click.command(cls=TorchStage)
@click.argument("size")
def main(size: str) -> None:
    """List the documents that the searches of SIZE find and nobody judged."""
    before = read_rows(PATH)
    inputs = stack.load(size)
    evaluation = stack.evaluate(inputs)
    pooling = import_module("findtune.stack.pooling")
    pairs, texts = pooling.ungraded(evaluation), inputs.held_out.corpus.texts
    rows = [
        dict(zip(HEADER, map(to_cell, cells), strict=True))
        for cells in pooling.rows(pairs, texts, MAX_TEXT_CHARS)
    ]
    new = without_listed(rows, before)
    if new:
        header = [*dict.fromkeys([*(before[0] if before else ()), *HEADER])]
        write_csv(PATH, header, ([row.get(name, "") for name in header] for row in before + new))
    click.echo(message(len(new), [*before, *new]))


def read_rows(path: Path) -> list[Row]:
    """Return the rows that are there, with all columns; raise InputError for another header."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            if missing := [name for name in HEADER if name not in (reader.fieldnames or ())]:
                raise InputError(
                    f"{path}: no column {', '.join(missing)}; keep the header, and commas."
                )
            return [{name: cell for name, cell in row.items() if name} for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}; save it as CSV in UTF-8.") from None


def without_listed(rows: Sequence[Row], before: Sequence[Row]) -> list[Row]:
    """Return the rows whose document is not listed for their question yet."""
    listed = {row_key(row) for row in before}
    return [row for row in rows if row_key(row) not in listed]


def row_key(row: Row) -> tuple[str, str]:
    """Return what a row shares with itself after a spreadsheet saved it."""
    query = from_cell(row["query"])
    return normalize(query) or query, from_cell(row["url"]).strip()


def message(added: int, rows: Sequence[Row]) -> str:
    """Return what is to be done."""
    waiting = [row for row in rows if not row["grade"].strip()]
    questions = len({row_key(row)[0] for row in waiting})
    if not waiting:
        return f"{PATH}: nothing waits for a grade. `make train` judges the stack by these grades."
    return (
        f"{PATH}: documents that wait for a grade: {len(waiting):,} of {questions:,} questions, "
        f"{added:,} of them new. Write 0 for one that answers nothing, more for a better answer; "
        "then `make train`."
    )


if __name__ == "__main__":
    main()

"""List documents that searches find for held-out questions and that still need a grade.

    python -m commands.grade small

A document that nobody judged counts as irrelevant. This is unfair to a pipeline that finds
documents that users were never shown. The list does not say which pipeline found a document, and
its order has no meaning. Write a whole number into `grade`, 0 for a document that does not answer
the question, and run `make train`: only the stack is evaluated again, and no model learns from
these grades. When the models have changed, run this command again: it adds new documents, and keeps
all existing rows.

Reads   params.yaml: models, stack.SIZE
        data/pool/SIZE.jsonl               written by stages/stack.py
        data/examples/, data/clean/stack/
Writes  data/training_data/search_grades.csv
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path

import click

from findtune.core.files import iter_jsonl
from findtune.health.missing import refuse_unfetched_feedback
from findtune.ingest.feedback import FOLDER, SEARCH_GRADES
from findtune.ingest.judgments import GRADE_REMEDY, is_grade
from findtune.ingest.review import SourceKey, from_cell, source_key, to_cell
from findtune.ingest.score_scale import parse_score
from findtune.ingest.search_grades import COLUMNS
from findtune.ingest.text_rows import clean_id
from findtune.quality.decisions import stored_rows, write_rows
from stages import stack
from stages.command import Stage

PATH = Path("data", FOLDER, SEARCH_GRADES)
HEADER = ["query", "history", "url", "text", "grade"]
MAX_TEXT_CHARS = 1000  # of a document, which a person reads

Row = Mapping[str, str]


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """List the documents that the searches of SIZE find and that nobody judged."""
    refuse_unfetched_feedback()
    before = stored_rows(PATH, HEADER, COLUMNS)
    held_out = stack.read_questions(size).held_out
    texts = held_out.corpus.texts
    pooled = {
        row["query"]: [url for url in row["urls"] if url in texts]
        for row in iter_jsonl(stack.pool_path(size))
    }
    questions = chain(held_out.dev, held_out.test)
    if missing := sum(question.query not in pooled for question in questions):
        click.echo(f"held-out questions that were not searched yet: {missing:,}; run `make train`.")
    pooling = import_module("findtune.stack.pooling")
    pairs = pooling.ungraded(held_out, pooled)
    rows = [
        dict(zip(HEADER, map(to_cell, cells), strict=True))
        for cells in pooling.rows(pairs, texts, MAX_TEXT_CHARS)
    ]
    new = without_listed(rows, before.rows)
    if new:
        write_rows(PATH, before.header, [*before.rows, *new])
    click.echo(message(len(new), [*before.rows, *new]))


def without_listed(rows: Sequence[Row], before: Sequence[Row]) -> list[Row]:
    """Return the rows whose document is not listed for their question yet."""
    listed = {row_key(row) for row in before}
    return [row for row in rows if row_key(row) not in listed]


def row_key(row: Row) -> SourceKey:
    """Return the key of a row, which stays the same when a spreadsheet saves the row."""
    return source_key(from_cell(row["query"]), from_cell(row["url"]).strip())


def message(added: int, rows: Sequence[Row]) -> str:
    """Return the line that says what to do next."""
    waiting = [row for row in rows if not is_grade(parse_score(clean_id(row["grade"])))]
    questions = len({row_key(row)[0] for row in waiting})
    if not waiting:
        return f"{PATH}: nothing waits for a grade. `make train` judges the stack by these grades."
    return (
        f"{PATH}: documents that wait for a grade: {len(waiting):,} of {questions:,} questions, "
        f"{added:,} of them new. Write 0 for one that answers nothing, more for a better answer; "
        f"then `make train`.{unreadable(waiting)}"
    )


def unreadable(waiting: Sequence[Row]) -> str:
    """Return what stands in cells instead of a grade and how to mend it, or an empty text."""
    cells = [*dict.fromkeys(filter(None, (clean_id(row["grade"]) for row in waiting)))]
    shown = ", ".join(map(repr, cells[:3])) + (", ..." if cells[3:] else "")
    return f" These are not grades: {shown}; {GRADE_REMEDY}." if cells else ""


if __name__ == "__main__":
    main()

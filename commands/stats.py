"""Describe the data before training, and list labels that are likely wrong.

    python -m commands.stats small
    python -m commands.stats small reranker

Without MODELS, those of params.yaml are described.

Reads   params.yaml: models
        data/clean/, data/examples/MODEL/SIZE/
Writes  review/pairs.csv    doubtful scored pairs
        review/picks.csv    doubtful picks; once a person has written a decision into a row, the
                            next run moves it to review.csv beside the data, which ingest reads
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.table import FEW_QUESTIONS
from findtune.core import params
from findtune.core.records import Record
from findtune.quality.decisions import PAIRS, PICKS
from findtune.report.data_statistics import labels, lengths
from findtune.report.inputs import KindInputs, read_kind
from stages import rooms
from stages.command import TorchStage

if TYPE_CHECKING:
    from findtune.quality.held_out import HeldOut

DATA = Path("data")
FEW_EXAMPLES = 200  # to train on; with fewer, a model hardly changes
LARGE_EFFECT = 0.1  # of a measure from 0 to 1; few changes are this large
Lines = Iterator[str]


# No model is loaded, but idle threads of gradient boosting must soon sleep, as torch's do. Awake,
# they compete for the processors of a busy machine.
@click.command(cls=TorchStage)
@click.argument("size")
@click.argument("models", nargs=-1, type=click.Choice(rooms.MODELS))
@click.option("--review/--no-review", default=True, help="List labels that are likely wrong.")
def main(size: str, models: tuple[str, ...], review: bool) -> None:
    """Print statistics of the data of MODELS at SIZE."""
    models = models or tuple(params.read("models", list[str]))
    kinds = [read_kind(path) for path in clean_counts(models)]
    sections = [count_lines(kinds), length_lines(kinds), label_lines(kinds)]
    if lists := records_of(kinds, "ranked_lists"):
        sections += [question_lines(lists), rank_lines(lists)]
    for lines in [*sections, held_out_lines(size, models)]:
        click.echo("\n".join(lines) + "\n")
    if review:
        click.echo("\n".join(review_lines(kinds, lists)))


def clean_counts(models: Sequence[str]) -> list[Path]:
    """Return the counts of all clean data but those of other models, which may be of older data."""
    others = {*rooms.MODELS} - {*models}
    paths = sorted(DATA.glob("clean/*/*.counts.json"))
    return [path for path in paths if path.parent.name not in others]


def records_of(kinds: Sequence[KindInputs], name: str) -> list[Record]:
    """Return the clean records of a kind, which may be in the folders of several models."""
    return next((kind.records for kind in kinds if kind.name == name and kind.records), [])


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Lines:
    """Yield a table as Markdown, its columns aligned."""
    cells = [[*header], *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from (lines[0], rule, *lines[1:])


def count_lines(kinds: Sequence[KindInputs]) -> Lines:
    """Yield how many records of each kind there are, and how many were left out."""
    rows = {
        kind.name: [kind.name, len(kind.records)]
        + [kind.counts.get(action, 0) for action in ("rejected", "dropped", "kept")]
        for kind in kinds
    }
    yield "What ingest kept"
    yield from table(("kind", "records", "rejected", "dropped", "notes"), [*rows.values()])


def length_lines(kinds: Sequence[KindInputs]) -> Lines:
    """Yield how long texts are, in words."""
    header = ("kind", "field", "texts", "empty", "median", "95 %", "longest")
    yield "Lengths in words"
    yield from table(header, lengths(kinds))


def label_lines(kinds: Sequence[KindInputs]) -> Lines:
    """Yield how often each label occurs."""
    rows = [
        (row.kind, row.name, ", ".join(f"{label}: {count:,}" for label, count in row.counts))
        for row in labels(kinds)
    ]
    yield "Labels"
    yield from table(("kind", "label", "how often"), rows)


def question_lines(lists: Sequence[Record]) -> Lines:
    """Yield the languages of the questions, how often they repeat, and whether users agree."""
    from findtune.quality.languages import count_languages
    from findtune.quality.questions import (
        count_documents_under_two_urls,
        count_repetition,
        measure_agreement,
    )

    questions = [record["query"] for record in lists]
    languages = most_common(count_languages(questions))
    repetition, agreement = count_repetition(questions), measure_agreement(lists)
    yield "Questions of the ranked lists"
    yield f"- languages: {', '.join(f'{name} {count:,}' for name, count in languages)}"
    yield (
        f"- {repetition.questions:,} questions in {repetition.wordings:,} wordings, of which "
        f"{repetition.different:,} differ by more than word forms and order"
    )
    copies = count_documents_under_two_urls(lists)
    yield f"- {copies:,} addresses show a text that another one shows"
    if not agreement.pairs:
        yield "- disagreement can't be measured: no two users who asked nearly the same were shown"
        yield "  what the other one picked"
        return
    share = 1 - agreement.agree / agreement.pairs
    yield (
        f"- {agreement.questions:,} questions were asked by several; of {agreement.pairs:,} pairs "
        f"of their lists, {share:.0%} have no common pick, and "
        f"{1 - agreement.same_first / agreement.pairs:.0%} another first pick"
    )


def most_common(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    """Yield the languages of at least 1 % of all questions, and the number of the others.

    A few questions in rare languages are mostly misdetected.
    """
    frequent = [
        (name, count) for name, count in counts.most_common() if count >= counts.total() / 100
    ]
    yield from frequent
    if rest := counts.total() - sum(count for _, count in frequent):
        yield "other", rest


def rank_lines(lists: Sequence[Record]) -> Lines:
    """Yield how often each rank was picked."""
    from findtune.quality.picks import picks_by_rank

    rows = [
        (row.rank, row.shown, row.picked, f"{row.picked / row.shown:.0%}", row.picked_first)
        for row in picks_by_rank(lists)
    ]
    yield "Picks by rank"
    yield from table(("rank", "shown", "picked", "share", "picked first"), rows)


def held_out_lines(size: str, models: Sequence[str]) -> Lines:
    """Yield how much of each model's data is held out, and the smallest effect it can show."""
    from findtune.quality.held_out import measure_held_out

    folders = {model: DATA / "examples" / model / size for model in models}
    rows = [
        measure_held_out(model, folder)
        for model, folder in folders.items()
        if (folder / "test.jsonl").exists()
    ]
    header = ("model", "train", "dev", "test", "different", "measure", "smallest effect")
    yield f"Held out at {size}"
    yield from table(header, [(*row[:-1], f"{row.effect:.3f}") for row in rows])
    for row in rows:
        yield from warnings(row)
    yield from (
        f"warning: the {model} has no examples of {size}; make preview makes them."
        for model, folder in folders.items()
        if not (folder / "test.jsonl").exists()
    )


def warnings(row: "HeldOut") -> Lines:
    """Yield warnings about what a model's data are too few for."""
    if row.groups < FEW_QUESTIONS:
        yield (
            f"warning: only {row.groups} different questions are left to test the {row.model}; "
            "add data, or test on all of it in turn: make crossvalidate."
        )
    elif row.effect > LARGE_EFFECT:
        yield (
            f"warning: the test of the {row.model} shows no difference below {row.effect:.2f} of "
            f"{row.measure}; add data, or test on all of it in turn: make crossvalidate."
        )
    if row.train < FEW_EXAMPLES:
        yield f"warning: the {row.model} has only {row.train} examples to learn from; add data."


def review_lines(kinds: Sequence[KindInputs], lists: Sequence[Record]) -> Lines:
    """List labels that are likely wrong, and yield how many there are and where."""
    from findtune.quality.doubtful_labels import count_labels, doubtful_pairs, doubtful_picks
    from findtune.quality.latent_vectors import LatentVectors
    from findtune.quality.review_lists import list_pairs, list_picks
    from findtune.quality.texts import documents

    pairs = records_of(kinds, "sentence_pairs")
    latent = LatentVectors(documents(records_of(kinds, "catalog"), lists))
    doubtful = doubtful_pairs(pairs, latent), doubtful_picks(lists, latent)
    waiting = (list_pairs(Path(), doubtful[0]), list_picks(Path(), doubtful[1]))
    totals = (len(pairs), count_labels(lists))
    yield "Likely wrong labels"
    for name, path, count, total in zip(
        ("scored pairs", "picks and passed-over sources"),
        (PAIRS.path(Path()), PICKS.path(Path())),
        waiting,
        totals,
        strict=True,
    ):
        where = f" in {path}" if count else ""
        yield f"- {count:,} {name} wait for a decision{where} ({total:,} labels)"
    if any(waiting):
        yield "Write drop, keep or the right label into the column decision; `make train` reads it."


if __name__ == "__main__":
    main()

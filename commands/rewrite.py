"""Rewrite questions: those given, or held-out ones as base and tuned rewrite them.

    python -m commands.rewrite small
    python -m commands.rewrite small 'how many people are out of work in kenya?'
    python -m commands.rewrite small --history 'unemployment in kenya' 'and in nairobi?'

It prints users' questions, so it is no stage: no file should hold what it prints.

Reads   params.yaml: seed
        models/rewriter/SIZE/
        for held-out questions models/base/rewriter/SIZE/, models/base/embedder/SIZE/ and
        data/examples/rewriter/SIZE/
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import read_json
from stages import rooms
from stages.command import TorchStage

NONE_USABLE = "no sample is usable"
NOT_SELECTED = "searched without rewrites, since none are surely better on dev"


@click.command(cls=TorchStage)
@click.argument("size")
@click.argument("questions", nargs=-1)
@click.option(
    "--number",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of held-out questions.",
)
@click.option(
    "--history",
    multiple=True,
    metavar="QUESTION",
    help="An earlier question of the session; repeat it for more, the oldest first.",
)
def main(size: str, questions: tuple[str, ...], number: int, history: tuple[str, ...]) -> None:
    """Rewrite QUESTIONS with the rewriter of SIZE, or compare it with its base."""
    tuned = Path("models", "rewriter", size)
    if not tuned.exists():
        command = f"make train MODELS=rewriter SIZE={size}"
        raise InputError(f"there is no {tuned}; `{command}` makes it.")
    num_rewrites = read_json(tuned / "rewriter.json")["num_rewrites"]
    substitute = NONE_USABLE if num_rewrites else NOT_SELECTED
    if questions:
        lines = rewritten_lines(tuned, questions, history, substitute)
    else:
        lines = held_out_lines(size, number, substitute)
    click.echo("\n".join(lines))


def rewritten_lines(
    tuned: Path, questions: Sequence[str], history: Sequence[str], substitute: str
) -> list[str]:
    """Return each question with its rewrites below it; history: what was asked before each."""
    rewriter = import_module("findtune.rewriter.model.rewriter").load(tuned)
    by_question = rewriter.rewrites(questions, params.read("seed", int), [history] * len(questions))
    return [
        line
        for question, rewrites in zip(questions, by_question, strict=True)
        for line in [question, *(f"  {text}" for text in rewrites or [substitute])]
    ]


def held_out_lines(size: str, number: int, substitute: str) -> list[str]:
    """Return held-out questions with what base and tuned write and find."""
    room = rooms.load("rewriter", "evaluation")
    held_out = room.read_held_out(Path("data", "examples", "rewriter", size)).first(number)
    evaluation = room.evaluate_model(
        rooms.base_folders("rewriter", size),
        Path("models", "rewriter", size),
        held_out,
        seeds=[params.read("seed", int)],
        with_other_retrievers=False,
    )
    return side_by_side(evaluation, held_out.queries, substitute)


def side_by_side(evaluation: Any, queries: Sequence[str], substitute: str) -> list[str]:
    """Return the lines that compare base and tuned.

    substitute: the line where no rewrite is searched.
    """
    lines = []
    for row, query in enumerate(queries):
        recall = {
            name: f"{values['recall@10'][row]:.2f}" for name, values in evaluation.decisive.items()
        }
        with_titles = f", with titles {recall['prf']}" if "prf" in recall else ""
        lines.append(f"{query}   (recall@10 {recall['original']}{with_titles})")
        for name, [sample] in evaluation.rewrites.items():
            lines.append(f"  {name} (fused {recall[name]})")
            lines += [f"    {text}" for text in sample.searched[row] or [substitute]]
    return lines


if __name__ == "__main__":
    main()

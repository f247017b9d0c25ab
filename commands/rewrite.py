"""Rewrite the given questions, or held-out ones, with base and tuned side by side.

    python -m commands.rewrite small
    python -m commands.rewrite small 'how many people are out of work in kenya?'
    python -m commands.rewrite small --history 'unemployment in kenya' 'and in nairobi?'

It prints users' questions, so it is not a stage: no file should hold them.

Reads   params.yaml: seed
        models/rewriter/SIZE/ and models/base/rewriter/SIZE/
        for held-out questions models/base/embedder/SIZE/ and data/examples/rewriter/SIZE/
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import read_json
from findtune.core.manifest import is_model
from findtune.health.missing import how_to_get
from stages import rooms
from stages.command import TorchStage

NONE_USABLE = "no sample is usable"
NOT_SELECTED = "searched without rewrites, since none are clearly better on dev"


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
    help="An earlier question of the session; repeat the option for more, oldest first.",
)
def main(size: str, questions: tuple[str, ...], number: int, history: tuple[str, ...]) -> None:
    """Rewrite QUESTIONS, or held-out ones, with the rewriter of SIZE and with its base."""
    refuse_no_question(questions, history)
    tuned = Path("models", "rewriter", size)
    if not is_model(tuned):
        raise InputError(f"there is no {tuned}; {how_to_get(size, models='rewriter')}.")
    if questions:
        lines = rewritten_lines(load_rewriters(tuned, size), questions, history)
    else:
        num_rewrites = read_json(tuned / "rewriter.json")["num_rewrites"]
        lines = held_out_lines(size, number, NONE_USABLE if num_rewrites else NOT_SELECTED)
    click.echo("\n".join(lines))


def refuse_no_question(questions: Sequence[str], history: Sequence[str]) -> None:
    """Raise InputError for an empty question, and for --history without a question."""
    if not all(map(str.strip, questions)):
        raise InputError("a question is empty; ask one: make rewrite Q='...'")
    if history and not questions:
        raise InputError("--history has a question, and no question comes after it.")


def load_rewriters(tuned: Path, size: str) -> dict[str, Any]:
    """Return the base, with its best settings on dev, and the tuned rewriter, in one precision."""
    module = import_module("findtune.rewriter.model.rewriter")
    rewriter = module.load(tuned)
    settings = type(rewriter.settings)(**read_json(tuned / "base.json"))
    folder = rooms.base_folders("rewriter", size)["rewriter"]
    base = module.load_as_rewriter(folder, settings, rewriter.lexicon, rewriter.model.dtype)
    return {"base": base, "tuned": rewriter}


def rewritten_lines(
    rewriters: Mapping[str, Any], questions: Sequence[str], history: Sequence[str]
) -> list[str]:
    """Return each question with the rewrites of each rewriter; history: what was asked before."""
    seed, histories = params.read("seed", int), [history] * len(questions)
    rewrites = {
        name: rewriter.rewrites(questions, seed, histories) for name, rewriter in rewriters.items()
    }
    lines = []
    for row, question in enumerate(questions):
        lines.append(question)
        for name, rewriter in rewriters.items():
            substitute = NONE_USABLE if rewriter.settings.num_rewrites else NOT_SELECTED
            lines.append(f"  {name}")
            lines += [f"    {text}" for text in rewrites[name][row] or [substitute]]
    return lines


def held_out_lines(size: str, number: int, substitute: str) -> list[str]:
    """Return held-out questions with the rewrites of base and tuned, and their recall."""
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

    substitute: the line for a model that searches without rewrites.
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

"""Rewrite questions: those given, or ten held-out ones by the base and by the tuned model.

    python -m stages.rewrite small
    python -m stages.rewrite small 'how many people are out of work in kenya?'

Not a stage of dvc.yaml: what it prints are users' questions, which no file needs to hold.

Reads   params.yaml: seed
        models/rewriter/SIZE/
        models/base/rewriter/SIZE/, data/pairs/rewriter/SIZE/ of held-out questions
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune import params
from findtune.errors import InputError
from findtune.files import read_json
from stages.command import Stage

NONE_FIT = "none is fit to be searched"
UNUSED = "dev found no use for rewrites"


@click.command(cls=Stage)
@click.argument("size")
@click.argument("questions", nargs=-1)
@click.option(
    "--number",
    default=10,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many held-out questions.",
)
def main(size: str, questions: tuple[str, ...], number: int) -> None:
    """Rewrite QUESTIONS with the rewriter of SIZE; of held-out ones, tell what was found too."""
    os.environ |= {"HF_HUB_OFFLINE": "1"}  # before torch is loaded
    tuned = Path("models", "rewriter", size)
    if not tuned.exists():
        made = f"make train MODELS=rewriter SIZE={size}"
        raise InputError(f"there is no {tuned}; `{made}` makes it.")
    if questions:
        rewriter = import_module("findtune.rewriter.model").load(tuned)
        found = rewriter.rewrites(questions, params.read("seed", int))
        why = NONE_FIT if rewriter.settings.rewrites else UNUSED
        for question, rewrites in zip(questions, found, strict=True):
            click.echo("\n  ".join([question, *(rewrites or [why])]))
        return
    room = import_module("findtune.rewriter.inference")
    held_out = room.read_held_out(Path("data", "pairs", "rewriter", size)).first(number)
    bases, seed = {"rewriter": Path("models", "base", "rewriter", size)}, params.read("seed", int)
    judged = room.judge(bases, tuned, held_out, draws=[seed], vectors=False)
    why = NONE_FIT if read_json(tuned / "rewriter.json")["rewrites"] else UNUSED
    click.echo("\n".join(side_by_side(judged, held_out.questions, why)))


def side_by_side(judged: Any, questions: list[str], why: str) -> list[str]:
    """Return the lines that show each question with what base and tuned wrote and found.

    why: what stands where no rewrite is searched.
    """
    lines = []
    for at, question in enumerate(questions):
        told = {name: f"{by['recall@10'][at]:.2f}" for name, by in judged.words.items()}
        beside = f", with titles {told['titles']}" if "titles" in told else ""
        lines.append(f"{question}   (recall@10 {told['original']}{beside})")
        for name, [its] in judged.written.items():
            lines.append(f"  {name} (fused {told[name]})")
            lines += [f"    {one}" for one in its.used[at]] or [f"    {why}"]
    return lines


if __name__ == "__main__":
    main()

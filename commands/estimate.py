"""Estimate from shuffled searches how another stack would do with users.

    python -m commands.estimate small
    python -m commands.estimate small --shown 77d0 --corpus documents.jsonl

Users never see this stack: it orders the sources that were shown, and the order is judged by what
users picked while the sources were shuffled; see findtune/monitoring/counterfactual.py. Searches
that `make collect` has collected are left out, since the stack may have learned from them.

Reads   data/served/, recorded by `make serve RECORD=1 SHUFFLE=...`
        data/training_data/reranker_training_data.served.jsonl
        models/stack/SIZE/, and the corpus, by default data/examples/rewriter/SIZE/corpus.jsonl
Writes  .scratch/index-HASH/   the index of this corpus by this stack
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import click

from commands.serve import default_corpus
from findtune.core.errors import InputError
from findtune.health.missing import how_to_get
from findtune.monitoring.counterfactual import (
    FEW,
    Estimate,
    estimate,
    is_usable,
    order_before,
    order_by,
)
from findtune.traffic.feedback import FOLDER, RANKED_LISTS, read_rows
from findtune.traffic.log import SERVED
from findtune.traffic.reader import Traffic, read_traffic
from findtune.traffic.records import SearchRecord
from findtune.traffic.shuffling import TOP_K
from findtune.traffic.wording import counted
from stages.command import TorchStage

DEPTH = 100  # documents of the stack's ranking to look at

Rank = Callable[[str], Sequence[str]]


@click.command(cls=TorchStage)
@click.argument("size")
@click.option("--shown", default="", help="The version that showed the sources, or a prefix of it.")
@click.option("--corpus", type=click.Path(path_type=Path), help="A JSONL file: url, title, text.")
def main(size: str, shown: str, corpus: Path | None) -> None:
    """Estimate what users would pick if the stack of SIZE ordered the sources shown."""
    traffic = read_traffic(SERVED)
    searches = choose_searches(traffic, shown, collected=set(read_rows(FOLDER / RANKED_LISTS)))
    rank = ranking_of(Path("models", "stack", size), corpus or default_corpus(size))
    rankings = rank_all(rank, list(dict.fromkeys(row.question for row in searches)))
    picks = [traffic.picks_of(row) or [] for row in searches]
    result = estimate(
        searches,
        picks,
        [order_before(row) for row in searches],
        [order_by(row, rankings[row.question]) for row in searches],
    )
    click.echo("\n".join(lines(searches, result, size, coverage(searches, rankings))))


def rank_all(rank: Rank, questions: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return question -> the stack's ranking; show a progress bar meanwhile."""
    label = f"Searching {counted(len(questions), 'question')}"
    with click.progressbar(questions, label=label, file=sys.stderr) as bar:
        return {question: rank(question) for question in bar}


def choose_searches(traffic: Traffic, shown: str, collected: set[str]) -> list[SearchRecord]:
    """Return the searches of one version to judge by; raise InputError if there are none."""
    usable = [row for row in traffic.searches if row.id in traffic.answers and is_usable(row)]
    if not usable:
        raise InputError(
            f"{SERVED} has no answered search that a shuffle could change; "
            "`make serve RECORD=1 SHUFFLE=0.2` records some."
        )
    fresh = [row for row in usable if row.id not in collected]
    if not fresh:
        raise InputError(
            f"all such searches ({len(usable)}) were collected, so the stack may have learned from "
            "them; wait for new ones before the next `make collect`."
        )
    counts = Counter(row.version for row in fresh if row.version.startswith(shown))
    if len(counts) != 1:
        known = ", ".join(sorted({row.version for row in fresh}))
        raise InputError(f"name one version with SHOWN=...; there are: {known}.")
    return [row for row in fresh if row.version in counts]


def ranking_of(folder: Path, corpus: Path | None) -> Rank:
    """Return the function that ranks documents for a question; raise InputError without a stack."""
    if not folder.exists():
        raise InputError(f"there is no {folder}; {how_to_get(folder.name)}.")
    if corpus is None:
        raise InputError("there is no corpus to search; name one: make estimate CORPUS=FILE")
    loading = import_module("findtune.serving.loading")
    served = loading.load_served(folder.parents[1], folder.name, corpus, ["stack"])
    [searched] = served.searches.values()

    def rank(question: str) -> list[str]:
        result, _ = searched.search(question, DEPTH, (), rewrite=True)
        return [hit.url for hit in result.documents]

    return rank


def coverage(searches: Sequence[SearchRecord], rankings: dict[str, Sequence[str]]) -> float:
    """Return the share of the stack's own first documents that users were shown."""
    shown = sum(len({*rankings[row.question][:TOP_K]} & {*order_before(row)}) for row in searches)
    return shown / max(sum(len(rankings[row.question][:TOP_K]) for row in searches), 1)


def lines(
    searches: Sequence[SearchRecord], result: Estimate, size: str, covered: float
) -> list[str]:
    """Return what is printed."""
    moved = sum(row.is_shuffled for row in searches)
    return [
        f"{counted(len(searches), 'answered search')} of {searches[0].version}, of which chance "
        f"has changed {moved}",
        values_line(result, size),
        f"it rests on {counted(round(result.effective), 'search')}; of the stack's own "
        f"first {TOP_K}, {covered:.0%} were among these sources, and nothing is known of the "
        "others",
        *(
            [f"warning: fewer than {FEW} say too little; collect more, or shuffle more of them."]
            if result.effective < FEW
            else []
        ),
        f"VERDICT: {result.verdict}",
    ]


def values_line(result: Estimate, size: str) -> str:
    """Return the line of both values and their difference, as far as they are known."""
    change, stack = result.difference, f"models/stack/{size}"
    if result.first is None:
        return f"{change['measure']}: at some rank no search shows what it ranks there"
    first = f"{change['measure']}: {result.first:.4f} as it ranks, "
    if result.second is None:
        return f"{first}unknown as {stack} ranks: at some rank no search shows what it puts there"
    return (
        f"{first}{result.second:.4f} as {stack} ranks the same sources, {change['mean']:+.4f} "
        f"[{change['ci_low']:+.4f}, {change['ci_high']:+.4f}]"
    )


if __name__ == "__main__":
    main()

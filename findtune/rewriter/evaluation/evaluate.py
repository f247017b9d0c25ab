"""Evaluating a tuned rewriter and its base on held-out questions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from findtune.retrieval.kinds import RETRIEVERS
from findtune.retrieval.metrics import binary_qrels, evaluate, run_from_rankings
from findtune.retrieval.search import Search, open_searches
from findtune.rewriter.evaluation.details import details
from findtune.rewriter.evaluation.held_out import HeldOut, read_held_out
from findtune.rewriter.evaluation.methods import (
    baseline_settings,
    measure_methods,
    search_methods,
)
from findtune.rewriter.evaluation.metrics import DECISIVE, metrics
from findtune.rewriter.evaluation.results import Evaluation, ModelRewrites
from findtune.rewriter.model.rewriter import Rewriter, load, load_as_rewriter

__all__ = [
    "DECISIVE",
    "Evaluation",
    "HeldOut",
    "details",
    "evaluate_model",
    "metrics",
    "read_held_out",
]

# The methods that a tuned rewriter has to beat: the question alone, with feedback titles, and with
# the base's rewrites.
BEFORE_TUNING = ("original", "prf", "base")
VARIANTS = (
    "",
    "bm25_",
    "dense_",
    "hybrid_",
)  # prefixes of columns in `details`; the first one with values decides
EVAL_SEEDS = (0, 1, 2)  # each samples all rewrites; measures are means over seeds

Say = Callable[[str], None]


def evaluate_model(
    bases: Mapping[str, Path],
    tuned: Path,
    held_out: HeldOut,
    say: Say = lambda _: None,
    *,
    seeds: Sequence[int] = EVAL_SEEDS,
    with_other_retrievers: bool = True,
) -> Evaluation:
    """Return the results of a tuned rewriter, of its base, and of searching without rewrites.

    bases: the folder of each room's base model. The base rewriter has the settings that suit it
    best, and the precision of the tuned one. `tuned` is what ships, which may be the same as
    another method.
    """
    rewriter = load(tuned)
    baselines = baseline_settings(tuned, rewriter.settings)
    base = load_as_rewriter(
        bases["rewriter"], baselines["base"], rewriter.lexicon, rewriter.model.dtype
    )
    retriever = rewriter.settings.retriever
    searches = open_searches(held_out.corpus, bases["embedder"])
    say(f"searching by {retriever}, {rewriter.settings.ships} ships")
    search = searches.by_name(retriever)
    rewrites = write_with_both(base, rewriter, held_out, search, seeds, say)
    methods = search_methods({**baselines, "tuned": rewriter.settings}, rewrites)
    queries, picks = held_out.queries, held_out.picks
    names = RETRIEVERS if with_other_retrievers else (retriever,)
    return Evaluation(
        ships=rewriter.settings.ships,
        retriever=retriever,
        rewrites=rewrites,
        by_retriever={
            name: measure_methods(methods, searches.by_name(name), queries, picks) for name in names
        },
        graded=measure_methods(methods, search, queries, held_out.graded),
        lexicon=rewriter.lexicon,
    )


def write_with_both(
    base: Rewriter,
    tuned: Rewriter,
    held_out: HeldOut,
    search: Search,
    seeds: Sequence[int],
    say: Say,
) -> dict[str, list[ModelRewrites]]:
    """Return the rewrites of base and tuned, one item per seed; equal if the base ships."""

    def write(name: str, rewriter: Rewriter) -> list[ModelRewrites]:
        say(f"{name}: rewriting {len(held_out.queries)} questions, {len(seeds)} samples of each")
        return [write_rewrites(rewriter, held_out, search, seed) for seed in seeds]

    by_base = write("base", base)
    same = tuned.writes_as(base)
    return {"base": by_base, "tuned": by_base if same else write("tuned", tuned)}


def write_rewrites(
    rewriter: Rewriter, held_out: HeldOut, search: Search, seed: int
) -> ModelRewrites:
    """Return a rewriter's rewrites of the held-out questions with one seed.

    There are none if the rewriter searches no rewrites.
    """
    queries, histories = held_out.queries, held_out.histories
    if rewriter.settings.num_rewrites:
        samples = rewriter.sample(queries, seed, histories)
    else:
        samples = [[] for _ in queries]
    usable = rewriter.usable(queries, samples, histories)
    searched = [texts[: rewriter.settings.num_rewrites] for texts in usable]
    search.search(text for texts in searched for text in texts)  # encoded together, then cached
    recall = [
        recall_of_each(search, rewrites, picks)
        for rewrites, picks in zip(searched, held_out.picks, strict=True)
    ]
    return ModelRewrites(samples, searched, recall)


def recall_of_each(search: Search, rewrites: Sequence[str], picks: Sequence[str]) -> list[float]:
    """Return recall@10 of each rewrite, searched by itself."""
    qrels, run = binary_qrels([picks] * len(rewrites)), run_from_rankings(search.search(rewrites))
    recall: list[float] = evaluate(qrels, run, ["recall@10"])["recall@10"].tolist()
    return recall

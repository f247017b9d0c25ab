"""Evaluating a tuned rewriter and its base on held-out questions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from findtune.retrieval.encoder import load_encoder
from findtune.retrieval.metrics import binary_qrels, evaluate, run_from_rankings
from findtune.retrieval.search import BM25Search, DenseSearch
from findtune.rewriter.evaluation.details import details
from findtune.rewriter.evaluation.held_out import HeldOut, read_held_out
from findtune.rewriter.evaluation.methods import measure_methods, search_methods
from findtune.rewriter.evaluation.metrics import DECISIVE, metrics
from findtune.rewriter.evaluation.results import Evaluation, MethodMeasures, ModelRewrites
from findtune.rewriter.model.rewriter import Rewriter, load, load_as_rewriter
from findtune.rewriter.model.usable_rewrites import usable_rewrites

__all__ = [
    "DECISIVE",
    "Evaluation",
    "HeldOut",
    "details",
    "evaluate_model",
    "metrics",
    "read_held_out",
]

# What a tuned rewriter has to beat: the question alone, feedback titles, the base's rewrites.
BEFORE_TUNING = ("original", "prf", "base")
VARIANTS = ("", "dense_")  # prefixes of columns in `details`; the first one with values decides
EVAL_SEEDS = (0, 1, 2)  # every measure is the mean over rewrites sampled with each

Say = Callable[[str], None]


def evaluate_model(
    bases: Mapping[str, Path],
    tuned: Path,
    held_out: HeldOut,
    say: Say = lambda _: None,
    *,
    seeds: Sequence[int] = EVAL_SEEDS,
    with_dense: bool = True,
) -> Evaluation:
    """Return the results of a tuned rewriter, its base, and searching without rewrites.

    bases: the folder of each room's base model. The base rewriter is used like the tuned one: in
    its precision and with its settings. Without `with_dense` no embedder is needed.
    """
    rewriter = load(tuned)
    base = load_as_rewriter(
        bases["rewriter"], rewriter.settings, rewriter.names, rewriter.model.dtype
    )
    bm25, queries = BM25Search(held_out.corpus), held_out.queries
    rewrites: dict[str, list[ModelRewrites]] = {}
    for name, model in {"base": base, "tuned": rewriter}.items():
        rewrites[name] = []
        for number, seed in enumerate(seeds, start=1):
            say(f"{name}: rewriting {len(queries)} questions, sample {number} of {len(seeds)}")
            rewrites[name].append(write_rewrites(model, held_out, bm25, seed))
    methods = search_methods(tuned, rewriter.settings, rewrites, questions=len(queries))
    dense_measures: MethodMeasures = {}
    if with_dense:
        say("searching with the embedder's base")
        dense = DenseSearch(held_out.corpus, load_encoder(bases["embedder"]))
        dense_measures = measure_methods(methods, dense, queries, held_out.picks)
    return Evaluation(
        rewrites=rewrites,
        bm25=measure_methods(methods, bm25, queries, held_out.picks),
        dense=dense_measures,
        graded=measure_methods(methods, bm25, queries, held_out.graded),
        names=rewriter.names,
    )


def write_rewrites(
    rewriter: Rewriter, held_out: HeldOut, search: BM25Search, seed: int
) -> ModelRewrites:
    """Return what a rewriter writes for the held-out questions with one seed."""
    samples = rewriter.sample(held_out.queries, seed)
    searched = [
        usable_rewrites(query, texts, rewriter.names)[: rewriter.settings.num_rewrites]
        for query, texts in zip(held_out.queries, samples, strict=True)
    ]
    recall = [
        recall_of_each(search, rewrites, picks)
        for rewrites, picks in zip(searched, held_out.picks, strict=True)
    ]
    return ModelRewrites(samples, searched, recall)


def recall_of_each(
    search: BM25Search, rewrites: Sequence[str], picks: Sequence[str]
) -> list[float]:
    """Return recall@10 of each rewrite, searched by itself."""
    qrels, run = binary_qrels([picks] * len(rewrites)), run_from_rankings(search.search(rewrites))
    recall: list[float] = evaluate(qrels, run, ["recall@10"])["recall@10"].tolist()
    return recall

"""The search methods that are compared, and the measures of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.files import read_json
from findtune.retrieval.metrics import binary_qrels, evaluate, run_from_rankings
from findtune.retrieval.search import BM25Search, DenseSearch
from findtune.rewriter.evaluation.results import Array, MethodMeasures, ModelRewrites
from findtune.rewriter.model.queries import search_with_rewrites
from findtune.rewriter.model.settings import RewriterSettings

MEASURES = ("recall@10", "mrr@10")


class SearchMethod(NamedTuple):
    """A way to search.

    rewrites: one item per seed; each has the rewrites of every question.
    """

    settings: RewriterSettings
    rewrites: Sequence[Sequence[list[str]]]


def search_methods(
    tuned: Path,
    settings: RewriterSettings,
    rewrites: Mapping[str, Sequence[ModelRewrites]],
    *,
    questions: int,
) -> dict[str, SearchMethod]:
    """Return the compared methods by name.

    `original` searches the question alone, `prf` adds feedback titles as dev liked them best, and
    `base` and `tuned` add each model's rewrites. tuned: the folder of the tuned rewriter.
    """
    no_rewrites: list[list[list[str]]] = [[[] for _ in range(questions)]]
    original = settings.model_copy(update={"num_rewrites": 0, "fb_docs": 0})
    methods = {"original": SearchMethod(original, no_rewrites)}
    if (tuned / "prf.json").exists():
        prf = RewriterSettings(**read_json(tuned / "prf.json"))
        methods["prf"] = SearchMethod(prf, no_rewrites)
    for model, by_seed in rewrites.items():
        methods[model] = SearchMethod(settings, [sample.searched for sample in by_seed])
    return methods


def measure_methods(
    methods: Mapping[str, SearchMethod],
    search: BM25Search | DenseSearch,
    queries: Sequence[str],
    relevant: Sequence[Sequence[str]],
) -> MethodMeasures:
    """Return the measures of each method on the questions that have a relevant document."""
    rows = [row for row, documents in enumerate(relevant) if documents]
    qrels = binary_qrels([relevant[row] for row in rows])

    def measure(method: SearchMethod, rewrites: Sequence[list[str]]) -> dict[str, Array]:
        rankings = [
            search_with_rewrites(search, queries[row], rewrites[row], method.settings)
            for row in rows
        ]
        return evaluate(qrels, run_from_rankings(rankings), MEASURES)

    return {
        name: mean_over_seeds([measure(method, rewrites) for rewrites in method.rewrites])
        for name, method in methods.items()
    }


def mean_over_seeds(by_seed: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return each measure's mean over seeds, (questions,)."""
    return {
        measure: np.mean([values[measure] for values in by_seed], axis=0) for measure in MEASURES
    }

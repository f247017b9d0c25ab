"""The search methods that are compared, and the measures of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.files import read_json
from findtune.retrieval.metrics import binary_qrels, evaluate, run_from_rankings
from findtune.retrieval.search import Search
from findtune.rewriter.evaluation.results import Array, MethodMeasures, ModelRewrites
from findtune.rewriter.model.queries import search_many_with_rewrites
from findtune.rewriter.model.settings import RewriterSettings

MEASURES = ("recall@10", "mrr@10")


class SearchMethod(NamedTuple):
    """A way to search.

    rewrites: one item per seed; each has the rewrites of every question.
    """

    settings: RewriterSettings
    rewrites: Sequence[Sequence[list[str]]]


def baseline_settings(tuned: Path, settings: RewriterSettings) -> dict[str, RewriterSettings]:
    """Return the settings of each method that needs no tuning, as selected on dev and train.

    `original` searches the question alone, `prf` adds feedback titles, `base` the base model's
    rewrites. There is no `prf` if no titles were tried. tuned: the folder of a rewriter with
    the given settings.
    """
    question = {"ships": "question", "num_rewrites": 0, "fb_docs": 0}
    baselines = {"original": settings.model_copy(update=question)}
    for method in ("prf", "base"):
        path = tuned / f"{method}.json"
        if method == "base" or path.exists():
            baselines[method] = RewriterSettings(**read_json(path))
    return baselines


def search_methods(
    settings: Mapping[str, RewriterSettings], rewrites: Mapping[str, Sequence[ModelRewrites]]
) -> dict[str, SearchMethod]:
    """Return the compared methods by name; those without a model have no rewrites.

    settings: of each method; rewrites: of each model, one item per seed.
    """
    questions = len(rewrites["tuned"][0].searched)
    no_rewrites: list[list[list[str]]] = [[[] for _ in range(questions)]]
    return {
        name: SearchMethod(
            method,
            [sample.searched for sample in rewrites[name]] if name in rewrites else no_rewrites,
        )
        for name, method in settings.items()
    }


def measure_methods(
    methods: Mapping[str, SearchMethod],
    search: Search,
    queries: Sequence[str],
    relevant: Sequence[Sequence[str]],
) -> MethodMeasures:
    """Return the measures of each method on the questions that have a relevant document."""
    rows = [row for row, documents in enumerate(relevant) if documents]
    qrels = binary_qrels([relevant[row] for row in rows])

    def measure(method: SearchMethod, rewrites: Sequence[list[str]]) -> dict[str, Array]:
        rankings = search_many_with_rewrites(
            search, [queries[row] for row in rows], [rewrites[row] for row in rows], method.settings
        )
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

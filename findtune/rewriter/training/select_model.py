"""Selecting on dev how far the weights go from base to tuned, and how rewrites are searched.

Dev is small. Ties within one standard error go to the weights that trained longer. Searching no
rewrites is a candidate too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.training.dev_set import MEASURE, RewriterDevSet, Rewrites
from findtune.rewriter.training.recipe import Recipe
from findtune.training.interpolation import State, interpolate
from findtune.training.selection import within_one_standard_error

SWEPT = ("num_rewrites", "fb_docs", "rank_constant", "original_query_weight", "query_repeats")

Array = np.ndarray


class Candidate(NamedTuple):
    """One interpolation of the weights, and one way to search the rewrites."""

    interpolation: float
    settings: RewriterSettings


Recalls = Mapping[Candidate, Array]  # recall of each question of dev, (questions,)


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the rewrites that were sampled with them on dev."""

    weights: State
    rewrites: list[Rewrites]


def candidate_settings(recipe: Recipe) -> list[RewriterSettings]:
    """Return all settings that dev compares; the earliest one wins ties.

    Searching feedback titles without rewrites is among them, where query_repeats has no meaning.
    """
    feedback = [
        sorted(values)
        for values in (recipe.fb_docs, recipe.rank_constant, recipe.original_query_weight)
    ]
    combinations = [*product(sorted(recipe.num_rewrites), *feedback, sorted(recipe.query_repeats))]
    combinations += [(0, fb_docs, *rest, 0) for fb_docs, *rest in product(*feedback) if fb_docs]
    generation = recipe.generation.model_dump()
    return [
        RewriterSettings.model_validate(generation | dict(zip(SWEPT, values, strict=True)))
        for values in combinations
    ]


def measure_candidates(
    rewriter: Rewriter,
    dev: RewriterDevSet,
    *,
    base: Checkpoint,
    tuned: Checkpoint,
    interpolations: Sequence[float],
) -> dict[Candidate, Array]:
    """Return the recall of every candidate on dev. The weights of the rewriter change."""
    recalls = {}
    for a in interpolations:
        known = {0.0: base.rewrites, 1.0: tuned.rewrites}
        if a in known:
            rewrites = known[a]
        else:
            rewriter.model.load_state_dict(interpolate(base.weights, tuned.weights, a))
            rewrites = dev.sample_rewrites(rewriter)
        for settings in dev.candidates:
            if settings.num_rewrites or a == 0:  # without rewrites the weights don't matter
                recalls[Candidate(a, settings)] = dev.recall(rewrites, settings)
    return recalls


def select_candidate(recalls: Recalls, original: Array) -> Candidate:
    """Return the candidate to keep: no rewrites and no titles unless that helps on dev.

    original: the recall of the questions alone, (questions,).
    """
    best = highest_mean(recalls)
    if recalls[best].mean() <= original.mean():
        return Candidate(0.0, best.settings.model_copy(update={"num_rewrites": 0, "fb_docs": 0}))
    helpful = {
        candidate: recall
        for candidate, recall in recalls.items()
        if recall.mean() > original.mean()
    }
    longest_trained = max(
        candidate.interpolation
        for candidate, recall in helpful.items()
        if within_one_standard_error(recall, recalls[best])
    )
    return highest_mean(
        {
            candidate: recall
            for candidate, recall in helpful.items()
            if candidate.interpolation == longest_trained
        }
    )


def select_prf_settings(recalls: Recalls) -> RewriterSettings | None:
    """Return the best settings that search titles without rewrites, if there were any."""
    without_rewrites = {
        candidate: recall
        for candidate, recall in recalls.items()
        if not candidate.settings.num_rewrites
    }
    return highest_mean(without_rewrites).settings if without_rewrites else None


def highest_mean(recalls: Recalls) -> Candidate:
    """Return the candidate with the highest mean recall, the earliest one of equals."""
    return max(recalls, key=lambda candidate: recalls[candidate].mean())


def sweep_rows(recalls: Recalls) -> list[dict[str, Any]]:
    """Return one row of sweep.csv for each candidate."""
    return [
        {
            "interpolation": candidate.interpolation,
            **candidate.settings.model_dump(include={*SWEPT}),
            MEASURE: float(recall.mean()),
        }
        for candidate, recall in recalls.items()
    ]

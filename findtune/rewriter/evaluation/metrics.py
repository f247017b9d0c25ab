"""The metrics of a tuned rewriter: measures, habits, differences, and the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from findtune.core.records import Record
from findtune.evaluation.significance import compare, slices
from findtune.evaluation.verdict import verdict
from findtune.rewriter.evaluation.habits import has_collapsed, measure_habits
from findtune.rewriter.evaluation.held_out import HeldOut
from findtune.rewriter.evaluation.results import Array, Evaluation, MethodMeasures

DECISIVE = "recall@10"


def metrics(
    evaluation: Evaluation, held_out: HeldOut, facts: Mapping[str, Any], seed: int
) -> Record:
    """Return the metrics of every search method, their differences, and the verdict.

    `tuned` is what ships: if that is the question alone, its difference from `original` is 0. The
    verdict compares it with the best method that needs no tuning: the question alone, with feedback
    titles, or with the base's rewrites. Measures without a prefix use the rewriter's own retriever.
    facts: the facts that training recorded.
    """
    decisive, groups = evaluation.decisive, held_out.groups
    best = best_baseline(decisive)
    habits = {
        model: measure_habits(rewrites, held_out, evaluation.lexicon)
        for model, rewrites in evaluation.rewrites.items()
    }
    differences = baseline_differences(decisive, best, groups, seed)
    collapsed = has_collapsed(habits["tuned"]) and facts["interpolation"] > 0  # 0 is the base
    graded_groups = [group for group, urls in zip(groups, held_out.graded, strict=True) if urls]
    metrics = {
        **{method: means(values) | habits.get(method, {}) for method, values in decisive.items()},
        **differences,
        "ships": evaluation.ships,
        "retriever": evaluation.retriever,
        "interpolation": facts["interpolation"],
        "num_rewrites": facts["num_rewrites"],
        "fb_docs": facts["fb_docs"],
        "queries": len(held_out.questions),
        "groups": len(set(groups)),
        "verdict": "REGRESSION" if collapsed else verdict(differences["difference_best"]),
        **secondary_metrics("graded", evaluation.graded, graded_groups, seed),
        **slice_differences(decisive, best, held_out, seed),
    }
    for retriever, measures in evaluation.others.items():
        metrics |= secondary_metrics(retriever, measures, groups, seed)
    return metrics


def best_baseline(measures: MethodMeasures) -> str:
    """Return the untuned method with the highest recall; of equal ones, the first."""
    baselines = [method for method in measures if method != "tuned"]
    return max(baselines, key=lambda method: measures[method][DECISIVE].mean())


def baseline_differences(
    measures: MethodMeasures, best: str, groups: Sequence[str], seed: int
) -> Record:
    """Return the differences from the question alone, the best baseline, and the others."""
    others = [method for method in measures if method not in ("tuned", "original", best)]
    return {
        "difference": difference(measures, "original", groups, seed),
        "difference_best": difference(measures, best, groups, seed),
        **{f"difference_{method}": difference(measures, method, groups, seed) for method in others},
    }


def difference(measures: MethodMeasures, baseline: str, groups: Sequence[str], seed: int) -> Record:
    """Return the difference between the tuned rewriter and a baseline; groups: of each question."""
    recall = {method: measures[method][DECISIVE] for method in (baseline, "tuned")}
    compared = compare(recall[baseline], recall["tuned"], DECISIVE, seed, groups)
    return {**compared, "against": baseline}


def secondary_metrics(
    prefix: str, measures: MethodMeasures, groups: Sequence[str], seed: int
) -> Record:
    """Return metrics that the verdict does not use; empty if no question is measured."""
    queries = len(measures["original"][DECISIVE])
    if not queries:
        return {}
    return {
        **{f"{prefix}_{method}": means(values) for method, values in measures.items()},
        f"{prefix}_difference": difference(measures, "original", groups, seed),
        f"{prefix}_queries": queries,
        f"{prefix}_groups": len(set(groups)),
    }


def slice_differences(measures: MethodMeasures, best: str, held_out: HeldOut, seed: int) -> Record:
    """Return the differences on questions with and without a pick that was picked in train, too."""
    seen = np.array([bool(question["seen"]) for question in held_out.questions])
    recall = {method: measures[method][DECISIVE] for method in (best, "tuned")}
    masks = {"seen": seen, "unseen": ~seen}
    differences = slices(masks, recall[best], recall["tuned"], DECISIVE, seed, held_out.groups)
    return {name: {**value, "against": best} for name, value in differences.items()}


def means(measures: Mapping[str, Array]) -> dict[str, float]:
    """Return the mean of each measure over the questions."""
    return {measure: float(values.mean()) for measure, values in measures.items()}

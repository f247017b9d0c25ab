"""Selecting what a saved rewriter searches: the simplest way that nothing beats for sure.

Four families of query plans compete, in order of simplicity: the question alone; the titles of its
top documents, too; rewrites of the base model, too; rewrites of the tuned model in their place. A
family replaces a simpler one only if its recall is higher by more than one paired standard error.
Within a family the simplest candidate within one standard error of the best is selected. Source:
the one-standard-error rule (Breiman et al. 1984, 3.4.3).

Families without a trained part are compared on dev and a part of train, the tuned model on dev.
The recall of a family is measured out of fold: the candidate that is measured on one part of the
questions was selected on the others, so that many candidates are no advantage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from findtune.core.text import hash_fraction
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.settings import FAMILIES, Family, RewriterSettings
from findtune.rewriter.training.dev_set import MEASURE, RewriterDevSet, Rewrites
from findtune.rewriter.training.recipe import Recipe
from findtune.training.interpolation import State, interpolate
from findtune.training.selection import standard_error

SWEPT = ("num_rewrites", "fb_docs", "rank_constant", "original_query_weight", "query_repeats")
FOLDS = 5
ROUNDING = 1e-9  # a smaller difference is none

Array = np.ndarray


class Candidate(NamedTuple):
    """One interpolation of the weights, and one way to search."""

    interpolation: float
    settings: RewriterSettings

    @property
    def simplicity(self) -> tuple[float, ...]:
        """The smaller, the simpler: few queries first, then those near the question's ranking."""
        settings = self.settings
        return (
            FAMILIES.index(settings.ships),
            settings.num_rewrites,
            settings.fb_docs,
            settings.query_repeats,
            -settings.original_query_weight,
            -settings.rank_constant,
            self.interpolation,
        )


Recalls = Mapping[Candidate, Array]  # recall of each question, (questions,)


class Comparison(NamedTuple):
    """Recalls of candidates on the same questions, and the group of each question."""

    recalls: Recalls
    groups: Sequence[str]

    def of_family(self, family: Family) -> "Comparison":
        """Return the candidates of one family."""
        recalls = {
            candidate: recall
            for candidate, recall in self.recalls.items()
            if candidate.settings.ships == family
        }
        return Comparison(recalls, self.groups)

    def of_rows(self, rows: Array) -> "Comparison":
        """Return the same candidates on some of the questions; rows: (questions,) of bool."""
        recalls = {candidate: recall[rows] for candidate, recall in self.recalls.items()}
        return Comparison(recalls, [self.groups[int(row)] for row in np.flatnonzero(rows)])


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the rewrites that were sampled with them on dev."""

    weights: State
    rewrites: list[Rewrites]


class Selection(NamedTuple):
    """What is selected: the candidate that is saved, and the best one of each untuned family.

    recall_out_of_fold: family -> its mean on the questions on which untuned families compete.
    """

    candidate: Candidate
    untuned: Mapping[Family, Candidate]
    recall_out_of_fold: Mapping[Family, float]


def candidate_settings(recipe: Recipe) -> list[RewriterSettings]:
    """Return all settings that are compared, of every family; query_repeats needs rewrites."""
    feedback = (recipe.rank_constant, recipe.original_query_weight)
    values: dict[Family, list[tuple[float, ...]]] = {
        "question": [(0, 0, recipe.rank_constant[0], recipe.original_query_weight[0], 0)],
        "titles": [(0, *rest, 0) for rest in product(filter(None, recipe.fb_docs), *feedback)],
        "base": [*product(recipe.num_rewrites, recipe.fb_docs, *feedback, recipe.query_repeats)],
    }
    values["tuned"] = values["base"]
    fixed = {**recipe.generation.model_dump(), "retriever": recipe.retriever}
    return [
        RewriterSettings.model_validate(
            {**fixed, "ships": family, **dict(zip(SWEPT, row, strict=True))}
        )
        for family, rows in values.items()
        for row in rows
    ]


def measure_untuned(
    questions: RewriterDevSet, rewrites: Sequence[Rewrites]
) -> dict[Candidate, Array]:
    """Return the recall of every candidate without a trained part; rewrites: of the base."""
    return {
        Candidate(0.0, settings): questions.recall(rewrites, settings)
        for settings in questions.candidates
        if settings.ships != "tuned"
    }


def compare_untuned(measured: Sequence[tuple[RewriterDevSet, list[Rewrites]]]) -> Comparison:
    """Return the recalls of all candidates without a trained part, on all sets of questions.

    measured: each set with the base's rewrites of its questions; dev comes first.
    """
    by_set = [measure_untuned(questions, rewrites) for questions, rewrites in measured]
    recalls = {
        candidate: np.concatenate([by_candidate[candidate] for by_candidate in by_set])
        for candidate in by_set[0]
    }
    return Comparison(recalls, [group for questions, _ in measured for group in questions.groups])


def measure_tuned(
    rewriter: Rewriter,
    dev: RewriterDevSet,
    *,
    base: State,
    tuned: Checkpoint,
    interpolations: Sequence[float],
) -> dict[Candidate, Array]:
    """Return the recall of every tuned candidate on dev. The weights of the rewriter change."""
    recalls = {}
    for a in interpolations:
        rewrites = tuned.rewrites
        if a != 1:
            rewriter.model.load_state_dict(interpolate(base, tuned.weights, a))
            rewrites = dev.sample_rewrites(rewriter)
        for settings in dev.candidates:
            if settings.ships == "tuned":
                recalls[Candidate(a, settings)] = dev.recall(rewrites, settings)
    return recalls


def select(untuned: Comparison, dev: Comparison) -> Selection:
    """Return what is saved.

    untuned: the families without a trained part, on dev and a part of train; dev: all families,
    on dev alone.
    """
    families: list[Family] = ["question"]
    families += [name for name in ("titles", "base") if untuned.of_family(name).recalls]
    out_of_fold = {name: recall_out_of_fold(untuned.of_family(name)) for name in families}
    incumbent = families[0]
    for family in families[1:]:
        if is_better(out_of_fold[family], out_of_fold[incumbent], untuned.groups):
            incumbent = family
    best = {name: select_simplest(untuned.of_family(name)) for name in families}
    selected, tuned = best[incumbent], dev.of_family("tuned")
    if tuned.recalls and is_better(recall_out_of_fold(tuned), dev.recalls[selected], dev.groups):
        selected = select_simplest(tuned)
    means = {family: float(recall.mean()) for family, recall in out_of_fold.items()}
    return Selection(selected, best, means)


def select_simplest(compared: Comparison) -> Candidate:
    """Return the simplest candidate within one standard error of the one with the best mean."""
    recalls = compared.recalls
    by_simplicity = sorted(recalls, key=lambda candidate: candidate.simplicity)
    best = max(by_simplicity, key=lambda candidate: recalls[candidate].mean())
    return next(
        candidate
        for candidate in by_simplicity
        if not is_better(recalls[best], recalls[candidate], compared.groups)
    )


def recall_out_of_fold(compared: Comparison) -> Array:
    """Return the recall of each question with the candidate that the other folds select.

    Questions of one group share a fold. A single group has no other fold: then all select.
    """
    folds = fold_numbers(compared.groups)
    recall = np.zeros(len(folds))
    for fold in set(folds.tolist()):
        held_out = folds == fold
        rows = held_out if held_out.all() else ~held_out
        recall[held_out] = compared.recalls[select_simplest(compared.of_rows(rows))][held_out]
    return recall


def fold_numbers(groups: Sequence[str]) -> Array:
    """Return the fold of each question, (questions,); the folds have equal numbers of groups.

    The hash is salted, since the split is a range of the groups' own hashes.
    """
    ordered = sorted(set(groups), key=lambda group: hash_fraction(f"fold {group}"))
    folds = {group: number % FOLDS for number, group in enumerate(ordered)}
    return np.array([folds[group] for group in groups])


def is_better(values: Array, others: Array, groups: Sequence[str]) -> bool:
    """Return whether values, (questions,), are better by more than one paired standard error."""
    difference = values - others
    return bool(difference.mean() > standard_error(difference, groups) + ROUNDING)


def sweep_rows(dev: Recalls) -> list[dict[str, Any]]:
    """Return one row of sweep.csv for each candidate."""
    return [
        {
            "family": candidate.settings.ships,
            "interpolation": candidate.interpolation,
            **candidate.settings.model_dump(include={*SWEPT}),
            MEASURE: float(recall.mean()),
        }
        for candidate, recall in dev.items()
    ]

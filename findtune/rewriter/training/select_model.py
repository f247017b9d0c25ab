"""Selecting what a saved rewriter searches: the simplest family that no other clearly beats.

Four families of query plans compete, from simple to complex: the question alone; also the titles of
its top documents; also rewrites of the base model; rewrites of the tuned model in place of the
base's. A family replaces a simpler one only if its recall is higher by more than one paired
standard error (Breiman et al. 1984, section 3.4.3). Within a family, the candidate with the highest
recall is selected, and of equal ones the simplest.

Families are compared on dev and on questions of train, which are rewritten by models that did not
learn them. The recall of a family is measured out of fold: the candidate measured on one part of
the questions was selected on the others, so a family gains nothing from having many candidates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.settings import FAMILIES, Family, RewriterSettings
from findtune.rewriter.training.dev_set import MEASURE, RewriterDevSet, Rewrites
from findtune.rewriter.training.recipe import Recipe
from findtune.training.folds import fold_numbers
from findtune.training.interpolation import State, interpolate
from findtune.training.selection import standard_error

SWEPT = ("num_rewrites", "fb_docs", "rank_constant", "original_query_weight", "query_repeats")
FOLDS = 5
ROUNDING = 1e-9  # smaller differences are rounding errors

Array = np.ndarray


class Candidate(NamedTuple):
    """One interpolation of the weights, and one way to search."""

    interpolation: float
    settings: RewriterSettings

    @property
    def simplicity(self) -> tuple[float, ...]:
        """A sort key, simplest first: fewer queries, then closer to the question's own ranking."""
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


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and the rewrites that were sampled with them: one item per seed."""

    weights: State
    rewrites: list[Rewrites]


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


class Selection(NamedTuple):
    """The candidate that is saved, and the selected candidate of each family.

    recall_out_of_fold: family -> its mean recall on the compared questions.
    """

    candidate: Candidate
    best: Mapping[Family, Candidate]
    recall_out_of_fold: Mapping[Family, float]


def candidate_settings(recipe: Recipe) -> list[RewriterSettings]:
    """Return all candidate settings of every family; query_repeats varies only with rewrites."""
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


def measure_candidates(
    rewriter: Rewriter,
    questions: RewriterDevSet,
    base: Checkpoint,
    tuned: Checkpoint,
    shares: Sequence[float],
) -> Comparison:
    """Return the recalls of all candidates. The rewriter's weights may change.

    shares: interpolations between the weights of base, 0, and tuned, 1; without any, the tuned
    family is not measured.
    """
    recalls: dict[Candidate, Array] = {}
    for a in (0.0, *shares):
        rewrites = {0.0: base.rewrites, 1.0: tuned.rewrites}.get(a)
        if rewrites is None:
            rewriter.model.load_state_dict(interpolate(base.weights, tuned.weights, a))
            rewrites = questions.sample_rewrites(rewriter)
        for settings in questions.candidates:
            if (settings.ships == "tuned") == (a > 0):
                recalls[Candidate(a, settings)] = questions.recall(rewrites, settings)
    return Comparison(recalls, questions.groups)


def join(measured: Sequence[Comparison]) -> Comparison:
    """Return the recalls of the same candidates on all questions, in the order of comparisons."""
    recalls = {
        candidate: np.concatenate([compared.recalls[candidate] for compared in measured])
        for candidate in measured[0].recalls
    }
    return Comparison(recalls, [group for compared in measured for group in compared.groups])


def select(compared: Comparison) -> Selection:
    """Return the selection: the incumbent after each family, simplest first, has challenged it."""
    families = [family for family in FAMILIES if compared.of_family(family).recalls]
    out_of_fold = {family: recall_out_of_fold(compared.of_family(family)) for family in families}
    incumbent = families[0]
    for family in families[1:]:
        if is_better(out_of_fold[family], out_of_fold[incumbent], compared.groups):
            incumbent = family
    best = {family: select_best(compared.of_family(family)) for family in families}
    means = {family: float(recall.mean()) for family, recall in out_of_fold.items()}
    return Selection(best[incumbent], best, means)


def select_best(compared: Comparison) -> Candidate:
    """Return the candidate with the highest mean recall; of equal ones, the simplest."""
    means = {candidate: float(recall.mean()) for candidate, recall in compared.recalls.items()}
    best = max(means.values()) - ROUNDING
    equal = [candidate for candidate, mean in means.items() if mean >= best]
    return min(equal, key=lambda candidate: candidate.simplicity)


def recall_out_of_fold(compared: Comparison) -> Array:
    """Return the recall of each question with the candidate that the other folds select.

    Questions of one group share a fold. If there is only one group, it selects for itself.
    """
    folds = fold_numbers(compared.groups, FOLDS)
    recall = np.zeros(len(folds))
    for fold in set(folds.tolist()):
        held_out = folds == fold
        rows = held_out if held_out.all() else ~held_out
        recall[held_out] = compared.recalls[select_best(compared.of_rows(rows))][held_out]
    return recall


def is_better(values: Array, others: Array, groups: Sequence[str]) -> bool:
    """Return whether values, (questions,), are better by more than one paired standard error."""
    difference = values - others
    return bool(difference.mean() > standard_error(difference, groups) + ROUNDING)


def sweep_rows(recalls: Recalls) -> list[dict[str, Any]]:
    """Return one row of sweep.csv for each candidate."""
    return [
        {
            "family": candidate.settings.ships,
            "interpolation": candidate.interpolation,
            **candidate.settings.model_dump(include={*SWEPT}),
            MEASURE: float(recall.mean()),
        }
        for candidate, recall in recalls.items()
    ]

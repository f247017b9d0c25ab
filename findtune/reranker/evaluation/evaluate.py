"""Evaluating a tuned reranker on the held-out lists, along with its base and simpler rankings.

as_shown             the order that users saw
bm25                 BM25 over the documents' texts
bi_encoder           the cosine by the base retriever
base                 the untuned cross-encoder; if it has no head, the same as bi_encoder
tuned_bi_encoder     the cosine by the tuned retriever
retriever_features   the best ranking by features alone, without a cross-encoder
tuned                the reranker
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from findtune.core.records import Record, read_kind
from findtune.evaluation.significance import compare, slices
from findtune.evaluation.verdict import verdict
from findtune.reranker.evaluation.baselines import as_shown_scores, bm25_scores
from findtune.reranker.evaluation.calibration import calibration
from findtune.reranker.evaluation.list_slices import slice_masks
from findtune.reranker.model.blending import blend, blend_features, read_weights
from findtune.reranker.model.cross_encoder import has_head, load, predict_logits
from findtune.reranker.model.examination import read_examination
from findtune.reranker.model.ranked_lists import (
    LIST_MEASURES,
    corrected_picks,
    decisive_gains,
    grades_of,
    measure_lists,
    picked,
)
from findtune.reranker.model.reranker import load as load_reranker
from findtune.reranker.model.retriever_features import FEATURES

# Rankings available before tuning; a reranker has to beat the best of them.
BEFORE_TUNING = ("as_shown", "bm25", "bi_encoder", "base")
DECISIVE = "ndcg@10"
# Prefixes of columns in `details`; the first one with values decides.
VARIANTS = ("decisive_", "graded_", "corrected_", "")

Say = Callable[[str], None]
Array = np.ndarray
Scores = list[Array]  # (documents,) for each list
Measures = dict[str, dict[str, Array]]  # ranking -> measure -> (lists,)


@dataclass(frozen=True)
class HeldOut:
    """The held-out lists."""

    lists: list[Record]

    @property
    def picks(self) -> Scores:
        """1 for each picked document of each list, else 0."""
        return [picked(ranked_list) for ranked_list in self.lists]

    @property
    def grades(self) -> Scores:
        """The grade of each document of each list; 0 where there is no judgment."""
        return [grades_of(ranked_list) for ranked_list in self.lists]

    def corrected(self, eta: float) -> Scores:
        """Return the picks of each list, corrected for position bias; as logged if eta is 0."""
        return [corrected_picks(ranked_list, eta) for ranked_list in self.lists]

    def decisive(self, eta: float) -> Scores:
        """Return the gains that decide: a list's grades if it has any, else its corrected picks."""
        return [decisive_gains(ranked_list, eta) for ranked_list in self.lists]

    @property
    def order_unknown(self) -> bool:
        """Whether the documents are not in the order in which users saw them."""
        return any(ranked_list.get("order_unknown") for ranked_list in self.lists)

    @property
    def before_tuning(self) -> tuple[str, ...]:
        """The rankings that a reranker has to beat."""
        return BEFORE_TUNING[1:] if self.order_unknown else BEFORE_TUNING

    @property
    def groups(self) -> list[str]:
        """A label for each list; lists of one topic are resampled together."""
        return [ranked_list["group"] for ranked_list in self.lists]


@dataclass(frozen=True)
class Evaluation:
    """The scores of each ranking, and the relevance that the tuned reranker predicts.

    eta: the position bias of train and dev; it is never estimated on the held-out lists.
    """

    scores: dict[str, Scores]
    relevance: Scores
    eta: float = 0.0


def read_held_out(examples: Path) -> HeldOut:
    """Return the held-out lists of a folder of examples."""
    return HeldOut(read_kind(examples / "test.jsonl", "list"))


def evaluate_model(
    bases: Mapping[str, Path], tuned: Path, held_out: HeldOut, say: Say = lambda _: None
) -> Evaluation:
    """Return the scores of a tuned reranker, of its base and of simpler rankings.

    bases: the folder of each room's base model.
    """
    lists = held_out.lists
    say(f"scoring {len(lists)} lists with the tuned reranker")
    reranker = load_reranker(tuned)
    features = reranker.features(lists)
    tuned_scores = blend(reranker.logits(lists), features, reranker.weights)
    bi_encoder = feature_scores(features, "base_retriever")
    scores = {
        "as_shown": as_shown_scores(lists),
        "bm25": bm25_scores(lists),
        "bi_encoder": bi_encoder,
        "base": bi_encoder,
        "tuned_bi_encoder": feature_scores(features, "retriever"),
        "retriever_features": blend_features(
            features, read_weights(tuned / "retriever_features.json")
        ),
        "tuned": tuned_scores,
    }
    if has_head(bases["reranker"]):
        say("scoring them with the base")
        base = load(bases["reranker"], reranker.weights.max_length)
        scores["base"] = predict_logits(base, lists)
    relevance = [reranker.relevance(list_scores) for list_scores in tuned_scores]
    return Evaluation(scores, relevance, read_examination(tuned / "examination.json").eta)


def feature_scores(features: Scores, name: str) -> Scores:
    """Return one feature of each list, (documents,)."""
    return [list_features[:, FEATURES.index(name)] for list_features in features]


def metrics(
    evaluation: Evaluation, held_out: HeldOut, facts: Mapping[str, Any], seed: int
) -> Record:
    """Return the measures of every ranking, the differences, and the verdict.

    The verdict compares the tuned reranker with the best ranking available before tuning: a
    reranker that BM25 beats is no win. It uses a list's grades, or its corrected picks if it has no
    grades. `difference_retriever_features` shows how much the cross-encoder adds to the features.
    `decisive` has the means behind the verdict; `graded_*` are measured on the judged lists alone,
    `corrected_*` on picks corrected for position bias (Joachims et al. 2017; Ai et al. 2018), and
    the other measures on picks as logged. Lists of one topic are resampled together. facts: the
    facts that training recorded.
    """
    ndcg = decisive_values(evaluation, held_out.decisive(evaluation.eta))
    picks_ndcg, groups = decisive_values(evaluation, held_out.picks), held_out.groups
    best = max(held_out.before_tuning, key=lambda name: ndcg[name].mean())

    def difference_to(name: str, values: Mapping[str, Array] = ndcg) -> Record:
        difference = compare(values[name], values["tuned"], DECISIVE, seed, groups)
        return {**difference, "against": name}

    difference_best, masks = difference_to(best), slice_masks(held_out.lists)
    by_slice = slices(masks, ndcg[best], ndcg["tuned"], DECISIVE, seed, groups)
    return {
        **summarize(measure_rankings(evaluation, held_out.picks)),
        "decisive": {name: float(values.mean()) for name, values in ndcg.items()},
        "difference": compare(ndcg["base"], ndcg["tuned"], DECISIVE, seed, groups),
        "difference_best": difference_best,
        "difference_as_shown": difference_to("as_shown", picks_ndcg),
        "difference_retriever_features": difference_to("retriever_features"),
        "interpolation": facts["interpolation"],
        "cross_encoder_weight": facts["cross_encoder_weight"],
        "queries": len(held_out.lists),
        "groups": len(set(groups)),
        "verdict": verdict(difference_best),
        "calibration": calibration(evaluation.relevance, held_out.picks),
        **corrected_metrics(evaluation, held_out),
        **graded_metrics(evaluation, held_out, best, seed),
        **{name: {**result, "against": best} for name, result in by_slice.items()},
    }


def decisive_values(evaluation: Evaluation, gains: Scores) -> dict[str, Array]:
    """Return the decisive measure of each ranking, (lists,)."""
    measures = measure_rankings(evaluation, gains)
    return {name: values[DECISIVE] for name, values in measures.items()}


def measure_rankings(evaluation: Evaluation, gains: Scores) -> Measures:
    """Return each measure of each ranking, (lists,); gains: (documents,) for each list."""
    return {name: measure_lists(scores, gains) for name, scores in evaluation.scores.items()}


def summarize(measures: Measures) -> dict[str, dict[str, float]]:
    """Return the mean of each measure of each ranking."""
    return {
        ranking: {name: float(values.mean()) for name, values in by_measure.items()}
        for ranking, by_measure in measures.items()
    }


def corrected_metrics(evaluation: Evaluation, held_out: HeldOut) -> Record:
    """Return the decisive measure of each ranking on corrected picks, and eta.

    `order_unknown` is set if the documents are not in the order in which users saw them.
    """
    values = decisive_values(evaluation, held_out.corrected(evaluation.eta))
    means = {f"corrected_{name}": {DECISIVE: float(ndcg.mean())} for name, ndcg in values.items()}
    unknown = {"order_unknown": True} if held_out.order_unknown else {}
    return {"examination_eta": evaluation.eta, **unknown, **means}


def graded_metrics(evaluation: Evaluation, held_out: HeldOut, best: str, seed: int) -> Record:
    """Return the measures on graded judgments, over the lists that have a grade above 0.

    best: the pre-tuning ranking that the tuned reranker is compared with.
    """
    rows = [row for row, grades in enumerate(held_out.grades) if grades.any()]
    if not rows:
        return {}
    grades = [held_out.grades[row] for row in rows]
    scores = {
        name: [list_scores[row] for row in rows] for name, list_scores in evaluation.scores.items()
    }
    measures = measure_rankings(Evaluation(scores, []), grades)
    groups = [held_out.groups[row] for row in rows]
    ndcg = {name: measures[name][DECISIVE] for name in (best, "tuned")}
    difference = compare(ndcg[best], ndcg["tuned"], DECISIVE, seed, groups)
    return {
        **{f"graded_{name}": values for name, values in summarize(measures).items()},
        "graded_difference": {**difference, "against": best},
        "graded_queries": len(rows),
        "graded_groups": len(set(groups)),
    }


def details(
    evaluation: Evaluation, held_out: HeldOut
) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Return the values behind the metrics: name -> header and rows.

    per_query: every measure of every ranking for each list, numbered as in test.jsonl; details:
    for each document whether it was picked, and its predicted relevance.
    """
    measures = measure_rankings(evaluation, held_out.picks)
    names = [f"{ranking}_{measure}" for measure in LIST_MEASURES for ranking in measures]
    columns = [by_measure[name] for name in LIST_MEASURES for by_measure in measures.values()]
    variants = {
        "decisive_": held_out.decisive(evaluation.eta),
        "graded_": held_out.grades,
        "corrected_": held_out.corrected(evaluation.eta),
    }
    for prefix, gains in variants.items():
        without = [not list_gains.any() for list_gains in gains]
        for ranking, by_measure in measure_rankings(evaluation, gains).items():
            names.append(f"{prefix}{ranking}_{DECISIVE}")
            columns.append(np.where(without, np.nan, by_measure[DECISIVE]))
    pairs = zip(np.concatenate(held_out.picks), np.concatenate(evaluation.relevance), strict=True)
    return {
        "per_query": (
            ["query", *names],
            [[number, *row] for number, row in enumerate(zip(*columns, strict=True))],
        ),
        "details": (["picked", "relevance"], [list(pair) for pair in pairs]),
    }

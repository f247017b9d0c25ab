"""Fitting the weights of the features, and choosing the ranking by features that ships.

Weighted features rank documents without a cross-encoder. Each ranking that needs no training is
also a choice of weights, so what ships is never worse than the best of them by cross-fitting.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from findtune.core.records import Record
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights, blend_features
from findtune.reranker.model.ranked_lists import decisive_gains, measure_lists
from findtune.reranker.model.retriever_features import BASE_FEATURES, FEATURES
from findtune.training.folds import fold_numbers

DECISIVE = "ndcg@10"
NEGLIGIBLE_LOSS = 0.001  # of cross-fitted ndcg@10
DECIMALS = 6  # of a fitted weight; further decimals depend on how a processor rounds
RIDGE = 0.01  # penalty on the weights of standardized features
# Rankings that need no training: name -> the feature that ranks. The simplest is first.
UNTUNED = {"as_shown": "shown_rank", "bm25": "bm25", "bi_encoder": "base_retriever"}
FUSED = "fused"  # the ranking by all features

Array = np.ndarray


class Ranking(NamedTuple):
    """A ranking by features, and its measure on lists that its weights were not fitted to."""

    name: str  # a key of UNTUNED, or FUSED
    weights: BlendWeights
    ndcg: Array  # (lists,)


def select_ranking(
    lists: Sequence[Record],
    features: Sequence[Array],
    *,
    folds: int,
    temperature: float,
    eta: float = 0.0,
) -> list[Ranking]:
    """Return the candidate rankings, best first; of equal ones, the simpler first.

    features: (documents, features) of each list, by a retriever that did not learn from it. eta:
    the position bias for which picks are corrected.
    """
    gains = [decisive_gains(ranked_list, eta) for ranked_list in lists]
    candidates = [(name, single_feature(feature, temperature)) for name, feature in UNTUNED.items()]
    rankings = [
        Ranking(name, weights, measure_lists(blend_features(features, weights), gains)[DECISIVE])
        for name, weights in candidates
    ]
    fuse = partial(fuse_features, lists, folds=folds, temperature=temperature, eta=eta)
    fused = cheaper_if_as_good(fuse(features), fuse(without_base(features)))
    return sorted([*rankings, fused], key=lambda ranking: -ranking.ndcg.mean())


def fuse_features(
    lists: Sequence[Record],
    features: Sequence[Array],
    *,
    folds: int,
    temperature: float,
    eta: float,
) -> Ranking:
    """Return the ranking by all features, measured by cross-fitting."""
    gains = [decisive_gains(ranked_list, eta) for ranked_list in lists]
    weights = fit_feature_weights(lists, features, temperature, eta)
    scores = cross_fitted_scores(lists, features, folds=folds, temperature=temperature, eta=eta)
    return Ranking(FUSED, weights, measure_lists(scores, gains)[DECISIVE])


def without_base(features: Sequence[Array]) -> list[Array]:
    """Return features with those of the untuned retriever set to 0, so that they get no weight."""
    kept = np.array([name not in BASE_FEATURES for name in FEATURES])
    return [list_features * kept for list_features in features]


def cheaper_if_as_good(full: Ranking, cheaper: Ranking) -> Ranking:
    """Return the ranking that needs one encoder less, unless it is clearly worse.

    An encoder without a weight is not run, so ranking takes half as long.
    """
    return cheaper if cheaper.ndcg.mean() >= full.ndcg.mean() - NEGLIGIBLE_LOSS else full


def single_feature(feature: str, temperature: float) -> BlendWeights:
    """Return the weights that rank by one feature alone."""
    weights = dict.fromkeys(FEATURES, 0.0) | {feature: 1.0}
    return CROSS_ENCODER_ONLY.model_copy(
        update={"cross_encoder": 0.0, "temperature": temperature, **weights}
    )


def cross_fitted_scores(
    lists: Sequence[Record],
    features: Sequence[Array],
    *,
    folds: int,
    temperature: float,
    eta: float = 0.0,
) -> list[Array]:
    """Return the fused scores of each list, with weights fitted to the other folds."""
    numbers = fold_numbers([row["group"] for row in lists], folds).tolist()
    scores: list[Array] = [np.zeros(0)] * len(lists)
    for fold in sorted(set(numbers)):
        others = [row for row, number in enumerate(numbers) if number != fold]
        weights = fit_feature_weights(
            [lists[row] for row in others], [features[row] for row in others], temperature, eta
        )
        for row, number in enumerate(numbers):
            if number == fold:
                [scores[row]] = blend_features([features[row]], weights)
    return scores


def fit_feature_weights(
    lists: Sequence[Record], features: Sequence[Array], temperature: float, eta: float = 0.0
) -> BlendWeights:
    """Return the weights that make the grades or picks most likely, without a cross-encoder.

    The likelihood is a softmax over each list (ListNet, Cao et al. 2007) of features scaled by
    their spread within lists, with a ridge penalty. A feature that never varies has weight 0.
    """
    gains = [decisive_gains(ranked_list, eta) for ranked_list in lists]
    targets = [list_gains / list_gains.sum() for list_gains in gains]
    scale = spread_within_lists(features)
    standardized = [list_features / scale for list_features in features]

    def loss_and_gradient(weights: Array) -> tuple[float, Array]:
        """Return loss and gradient; a numerical gradient would amplify rounding errors."""
        losses, gradients = [], []
        for list_features, target in zip(standardized, targets, strict=True):
            log_probabilities = log_softmax(list_features @ weights)
            losses.append(-(target * log_probabilities).sum())
            gradients.append((np.exp(log_probabilities) - target) @ list_features)
        ridge = RIDGE * (weights**2).sum()
        return float(np.mean(losses) + ridge), np.mean(gradients, axis=0) + 2 * RIDGE * weights

    start = np.zeros(len(FEATURES))
    fitted = minimize(loss_and_gradient, start, method="L-BFGS-B", jac=True).x / scale
    weights = {
        name: round(float(value), DECIMALS) for name, value in zip(FEATURES, fitted, strict=True)
    }
    changes = {"cross_encoder": 0.0, "temperature": temperature, **weights}
    return CROSS_ENCODER_ONLY.model_copy(update=changes)


def spread_within_lists(features: Sequence[Array]) -> Array:
    """Return the square root of each feature's mean variance within lists, (features,); 1 if 0."""
    variances = [list_features.astype(np.float64).var(axis=0) for list_features in features]
    spread: Array = np.sqrt(np.mean(variances, axis=0))
    # the variance of equal values may be a rounding error
    varies = np.any([np.ptp(list_features, axis=0) > 0 for list_features in features], axis=0)
    return np.where(varies, spread, 1.0)

"""Fitting the weights of the retriever's features to the picks of train.

The weighted features rank documents without a cross-encoder. A cross-encoder with a new head is
distilled from this ranking, and is blended with it afterwards.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from findtune.core.records import Record
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights
from findtune.reranker.model.ranked_lists import gains_of
from findtune.reranker.model.retriever_features import FEATURES

DECIMALS = 6  # of a fitted weight; further decimals depend on how a processor rounds
RIDGE = 1e-4  # keeps the weights finite where the features separate all picks from the rest

Array = np.ndarray


def fit_feature_weights(
    lists: Sequence[Record], features: Sequence[Array], temperature: float
) -> BlendWeights:
    """Return the weights with which the picks are most likely; the cross-encoder's is 0.

    The likelihood is a softmax over each list (Plackett-Luce with one choice). It has three
    parameters, for which a few lists are enough.
    """
    targets = [gains_of(ranked_list) / gains_of(ranked_list).sum() for ranked_list in lists]

    def loss_and_gradient(weights: Array) -> tuple[float, Array]:
        """Return loss and gradient; a numerical gradient would amplify rounding errors."""
        losses, gradients = [], []
        for list_features, target in zip(features, targets, strict=True):
            log_probabilities = log_softmax(list_features @ weights)
            losses.append(-(target * log_probabilities).sum())
            gradients.append((np.exp(log_probabilities) - target) @ list_features)
        ridge = RIDGE * (weights**2).sum()
        return float(np.mean(losses) + ridge), np.mean(gradients, axis=0) + 2 * RIDGE * weights

    bounds = [(0, None)] * len(FEATURES)
    start = np.ones(len(FEATURES))
    fitted = minimize(loss_and_gradient, start, method="L-BFGS-B", jac=True, bounds=bounds).x
    weights = {
        name: round(float(value), DECIMALS) for name, value in zip(FEATURES, fitted, strict=True)
    }
    changes = {"cross_encoder": 0.0, "temperature": temperature, **weights}
    return CROSS_ENCODER_ONLY.model_copy(update=changes)

"""Fitting the weights of the retriever's features to the picks of train.

The scores that they give rank without a cross-encoder. They teach a cross-encoder that has a new
head, and they are blended with it afterwards.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights
from findtune.reranker.model.retriever_features import FEATURES, retriever_features

DECIMALS = 6  # of a fitted weight; further ones depend on how a processor rounds
RIDGE = 1e-4  # keeps the weights finite where they separate the picks

Array = np.ndarray


def features_by_group(
    retriever: SentenceTransformer,
    groups: Mapping[str, Sequence[Record]],
    temperature: float,
    *,
    progress: bool,
) -> dict[str, list[Array]]:
    """Return the features of each group of lists; texts that groups share are encoded once."""
    lists = [ranked_list for group in groups.values() for ranked_list in group]
    features = iter(retriever_features(retriever, lists, temperature, progress=progress))
    return {name: list(islice(features, len(group))) for name, group in groups.items()}


def as_shown(lists: Sequence[Record]) -> list[Record]:
    """Return lists without their random negatives: what users chose from."""
    return [
        ranked_list
        | {"documents": [document for document in ranked_list["documents"] if document["shown"]]}
        for ranked_list in lists
    ]


def gains_of(ranked_list: Record) -> Array:
    """Return the gain of each document of a list, (documents,)."""
    return np.array([document["gain"] for document in ranked_list["documents"]])


def fit_retriever_weights(
    lists: Sequence[Record], features: Sequence[Array], temperature: float
) -> BlendWeights:
    """Return the weights with which the picks are most likely; the cross-encoder's is 0.

    The likelihood is a softmax over each list (Plackett-Luce with one choice). It has three
    parameters, for which a few lists are enough.
    """
    targets = [gains_of(ranked_list) / gains_of(ranked_list).sum() for ranked_list in lists]

    def loss_and_gradient(weights: Array) -> tuple[float, Array]:
        """Return both: a numerical gradient would amplify rounding errors."""
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

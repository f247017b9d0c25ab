"""Choosing the weights with which a reranker ranks the candidates of a search.

The best ranking of candidates by features is taken. The cross-encoder ranks candidates only if it
ranks lists, and if it also adds more than two standard errors on the candidates of dev.
"""

import numpy as np
from sentence_transformers import CrossEncoder

from findtune.reranker.model.blending import BlendWeights
from findtune.reranker.training.blend_weight import blends, select_row_unless_noise, sweep_blends
from findtune.reranker.training.calibration import calibrate
from findtune.reranker.training.candidates import AS_FOUND
from findtune.reranker.training.dev_set import RerankerDevSet
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.training_data import CANDIDATES, TrainingData, of_kinds

LIKE_LISTS = {"max_length", "calibration_temperature", "calibration_threshold"}


def select_search_weights(
    model: CrossEncoder,
    list_weights: BlendWeights,
    *,
    data: TrainingData,
    recipe: Recipe,
    precision: str,
) -> BlendWeights:
    """Return the weights for a search, with relevance calibrated on its candidates.

    model: the cross-encoder as it ships; list_weights: the weights for lists. If there are no
    candidates, the search keeps its order, and the calibration is that for lists.
    """
    best = data.search_rankings[0]
    weights = best.weights.model_copy(update=list_weights.model_dump(include=LIKE_LISTS))
    competes = bool(list_weights.cross_encoder and best.name != AS_FOUND)
    with_cross_encoder = competes and bool(data.lists["dev_candidate"])
    kinds = CANDIDATES[1:] if with_cross_encoder else CANDIDATES  # it has learned those of train
    lists, features = of_kinds(data.lists, kinds), of_kinds(data.features, kinds)
    if not lists:
        return weights
    found = RerankerDevSet(lists, features, precision)
    if with_cross_encoder:
        logits, cross_encoder_weights = found.logits(model), recipe.blend_weights
    else:
        logits, cross_encoder_weights = [np.zeros(len(row["documents"])) for row in lists], ()
    candidates, by_interpolation = blends(weights, cross_encoder_weights), {1.0: logits}
    sweep = sweep_blends(by_interpolation, found, candidates)
    row = select_row_unless_noise(sweep, by_interpolation, found, candidates)
    weights = candidates[row["cross_encoder_weight"]]
    calibration = calibrate(found.blend(logits, weights), found.picks)
    return weights.model_copy(update=calibration)

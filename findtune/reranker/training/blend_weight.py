"""Choosing on dev how far the weights move from base to tuned, and the cross-encoder's weight.

Both are chosen together: every interpolation is tried with every weight of the cross-encoder in
the blend. Weight 1 is the cross-encoder alone, weight 0 the retriever's features alone. The
cross-encoder gets a weight only if it adds more than two standard errors on dev, since the best of
many candidates looks better than it is. Without a weight, the cross-encoder that is saved is the
one that ranks dev best by itself: other programs may load it alone.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sentence_transformers import CrossEncoder

from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights
from findtune.reranker.model.retriever_features import FEATURES
from findtune.reranker.training.calibration import calibrate
from findtune.reranker.training.collapse import has_collapsed
from findtune.reranker.training.dev_set import DECISIVE, RerankerDevSet
from findtune.reranker.training.recipe import Recipe
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.interpolation import State, interpolate
from findtune.training.selection import standard_error

MIN_ERRORS = 2  # standard errors that the cross-encoder must exceed

Row = dict[str, float]
Array = np.ndarray


class Base(NamedTuple):
    """The cross-encoder before it was tuned on picks: its result on dev, and its weights."""

    result: DevResult
    weights: State


class Selection(NamedTuple):
    """The measures of all candidates on dev, and the selected interpolation and weights."""

    sweep: list[Row]
    interpolation: float
    weights: BlendWeights

    @property
    def facts(self) -> dict[str, float]:
        """What training.json records about the selection."""
        return {
            "cross_encoder_interpolation": self.interpolation,
            "cross_encoder_weight": self.weights.cross_encoder,
            **self.weights.model_dump(),
        }


def select_blend(
    model: CrossEncoder,
    feature_weights: BlendWeights,
    *,
    dev: RerankerDevSet,
    base: Base,
    callback: EvalCallback,
    recipe: Recipe,
) -> Selection:
    """Return what dev selects, with calibrated relevance, and load its weights into the model."""
    logits = logits_by_interpolation(
        model, dev=dev, base=base, callback=callback, candidates=recipe.interpolation
    )
    candidates = blends(feature_weights, recipe.blend_weights)
    sweep = sweep_blends(logits, dev, candidates)
    best = select_row_unless_noise(sweep, logits, dev, candidates)
    a = best["interpolation"] if best["cross_encoder_weight"] else best_alone(logits, dev)
    model.load_state_dict(interpolate(base.weights, callback.kept_weights, a))
    weights = candidates[best["cross_encoder_weight"]]
    calibration = calibrate(dev.blend(logits[a], weights), dev.picks)
    changes = {"max_length": recipe.max_length, **calibration}
    return Selection(sweep, a, weights.model_copy(update=changes))


def blends(
    feature_weights: BlendWeights, cross_encoder_weights: Sequence[float]
) -> dict[float, BlendWeights]:
    """Return cross-encoder weight -> the weights of the blend, also without the cross-encoder."""
    return {
        weight: blended_weights(feature_weights, weight)
        for weight in sorted({0.0, *cross_encoder_weights})
    }


def blended_weights(feature_weights: BlendWeights, cross_encoder_weight: float) -> BlendWeights:
    """Return the weights of a blend; the features share what the cross-encoder leaves of 1."""
    rest = 1 - cross_encoder_weight
    features = {name: rest * getattr(feature_weights, name) for name in FEATURES}
    changes = {"cross_encoder": cross_encoder_weight, **features}
    return feature_weights.model_copy(update=changes)


def logits_by_interpolation(
    model: CrossEncoder,
    *,
    dev: RerankerDevSet,
    base: Base,
    callback: EvalCallback,
    candidates: Sequence[float],
) -> dict[float, list[Array]]:
    """Return the logits on dev at each interpolation, including 0, the base.

    If no evaluation was better than the base, the base is the only candidate. The model may be left
    with interpolated weights.
    """
    if not callback.kept_step:
        return {0.0: base.result.payload}
    assert callback.kept is not None
    known = {0.0: base.result.payload, 1.0: callback.kept.payload}
    logits = {}
    for a in sorted({0.0, *candidates}):
        if a in known:
            logits[a] = known[a]
        else:
            model.load_state_dict(interpolate(base.weights, callback.kept_weights, a))
            logits[a] = dev.logits(model)
    return logits


def best_alone(logits: Mapping[float, Sequence[Array]], dev: RerankerDevSet) -> float:
    """Return the interpolation whose cross-encoder ranks dev best by itself.

    A collapsed one is the last choice; of equal ones, the one closest to the base is chosen.
    """

    def quality(a: float) -> tuple[bool, float, float]:
        ndcg = dev.measure(logits[a], CROSS_ENCODER_ONLY)[DECISIVE]
        return not has_collapsed(logits[a]), ndcg, -a

    return max(logits, key=quality)


def sweep_blends(
    logits: Mapping[float, Sequence[Array]],
    dev: RerankerDevSet,
    candidates: Mapping[float, BlendWeights],
) -> list[Row]:
    """Return the measures on dev at each interpolation, with each weight of the cross-encoder.

    A collapsed cross-encoder gets only weight 0, since the order of equal scores is chance.
    """
    return [
        {
            "interpolation": a,
            "cross_encoder_weight": cross_encoder_weight,
            **dev.measure(logits[a], weights),
        }
        for a in logits
        for cross_encoder_weight, weights in candidates.items()
        if not (cross_encoder_weight and has_collapsed(logits[a]))
    ]


def select_row_unless_noise(
    sweep: Sequence[Row],
    logits: Mapping[float, Sequence[Array]],
    dev: RerankerDevSet,
    candidates: Mapping[float, BlendWeights],
) -> Row:
    """Return the best row of a sweep; with a cross-encoder only if it adds more than noise."""
    best = select_row(sweep)
    without = select_row([row for row in sweep if not row["cross_encoder_weight"]])

    def ndcg(row: Row) -> Array:
        weights = candidates[row["cross_encoder_weight"]]
        return dev.measure_each(logits[row["interpolation"]], weights)[DECISIVE]

    gain = ndcg(best) - ndcg(without)
    is_noise = gain.mean() <= MIN_ERRORS * standard_error(gain, dev.groups)
    return without if is_noise else best


def select_row(sweep: Sequence[Row]) -> Row:
    """Return the best row of a sweep; of equal rows, the one closest to the base."""
    return max(sweep, key=lambda row: (row[DECISIVE], row["map"], -row["interpolation"]))

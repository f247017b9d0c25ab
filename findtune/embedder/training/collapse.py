"""Detecting collapse: a model that gives all texts nearly the same vector."""

import math
from collections.abc import Mapping

from findtune.core.errors import CollapseError

MAX_COSINE_RISE = 0.2  # of random_cosine, above the base

Measures = Mapping[str, float]


def refuse_collapse(measures: Measures, base: Measures) -> None:
    """Raise CollapseError when vectors are not finite, or random texts became similar and dev fell.

    Similarity alone is no collapse: texts of one field, such as aerodynamics, move close together
    early in the training on picks and apart again later. A model that scores better than its base
    has not collapsed. measures, base: the dev measures of the current model and of the base model.
    """
    if not all(math.isfinite(value) for value in measures.values()):
        raise CollapseError("the vectors are no longer finite; lower learning_rate, or use fp32.")
    rise = measures["random_cosine"] - base["random_cosine"]
    if rise > MAX_COSINE_RISE and measures["score"] < base["score"]:
        raise CollapseError(
            f"random texts have cosine {measures['random_cosine']:.2f}, {rise:.2f} more than in "
            "the base: the model is collapsing. The usual causes are positives without negatives "
            "(recipe: plain) and a learning_rate that is too high."
        )

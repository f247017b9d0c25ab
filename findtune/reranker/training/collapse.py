"""Detecting collapse: a cross-encoder that gives all documents of a list the same score."""

from collections.abc import Sequence

import numpy as np

from findtune.core.errors import CollapseError

MIN_SPREAD = 1e-4  # standard deviation of a list's logits
COLLAPSED = (
    "the cross-encoder gives all documents of a list the same score, and so has no weight; more "
    "lists or another learning_rate may help"
)

Array = np.ndarray


def has_collapsed(logits: Sequence[Array]) -> bool:
    """Return whether all logits are equal in the median list.

    Raises CollapseError when a logit is not finite.
    """
    if not all(np.isfinite(list_logits).all() for list_logits in logits):
        raise CollapseError("scores are no longer finite; lower learning_rate, or use fp32.")
    return float(np.median([list_logits.std() for list_logits in logits])) < MIN_SPREAD

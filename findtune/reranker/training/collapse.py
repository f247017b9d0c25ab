"""Detecting collapse: a cross-encoder that gives all documents of a list the same score."""

from collections.abc import Sequence

import numpy as np

from findtune.core.errors import CollapseError

MIN_SPREAD = 1e-4  # of a list's logits, as a standard deviation

Array = np.ndarray


def refuse_collapse(logits: Sequence[Array]) -> None:
    """Raise CollapseError when logits are not finite, or do not differ in the median list."""
    if not all(np.isfinite(list_logits).all() for list_logits in logits):
        raise CollapseError("scores are no longer finite; lower learning_rate, or use fp32.")
    spread = float(np.median([list_logits.std() for list_logits in logits]))
    if spread < MIN_SPREAD:
        raise CollapseError(
            f"the documents of a list differ by {spread:.1g} in score: the reranker gives all of "
            "them the same score. The usual causes are a learning_rate that is far too high or too "
            "low, and too few steps."
        )

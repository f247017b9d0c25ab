"""How well cosines agree with human scores, and how far a model has collapsed."""

import numpy as np
from scipy.stats import spearmanr

MIN_PAIRS = 5  # the rank correlation of fewer pairs means nothing

Array = np.ndarray


def spearman(scores: Array, labels: Array) -> float:
    """Return the rank correlation of scores and labels, both (pairs,).

    It is 0 if there are too few pairs, or if all scores or all labels are equal.
    """
    if len(scores) < MIN_PAIRS or np.ptp(scores) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(spearmanr(scores, labels).statistic)


def random_cosine(vectors: Array, pairs: int = 2000) -> float:
    """Return the mean cosine of random pairs of unit vectors, (texts, dimensions).

    It approaches 1 when a model collapses. The same number of texts always gives the same pairs.
    """
    rng = np.random.default_rng(0)
    first, second = rng.integers(len(vectors), size=(2, pairs))
    distinct = first != second
    return float((vectors[first[distinct]] * vectors[second[distinct]]).sum(axis=1).mean())

"""How close predicted relevance is to the share of documents that users picked."""

from collections.abc import Sequence

import numpy as np

BINS = 10

Array = np.ndarray


def calibration(relevance: Sequence[Array], picks: Sequence[Array]) -> dict[str, float]:
    """Return the calibration of relevance; relevance, picks: (documents,) for each list.

    ece: the expected calibration error, the mean gap between relevance and pick rate over bins of
    relevance (Naeini et al., AAAI 2015); brier_score: the mean squared error (Brier 1950). 0 is
    best for both.
    """
    predicted, actual = np.concatenate(relevance), np.concatenate(picks)
    bins = np.minimum((predicted * BINS).astype(int), BINS - 1)
    ece = 0.0
    for number in np.unique(bins):
        members = bins == number
        distance = abs(predicted[members].mean() - actual[members].mean())
        ece += distance * members.mean()
    return {"ece": float(ece), "brier_score": float(((predicted - actual) ** 2).mean())}

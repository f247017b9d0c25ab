"""Calibrating relevance: the sigmoid of a score that best fits how often documents are picked."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

Array = np.ndarray


def calibrate(scores: Sequence[Array], picks: Sequence[Array]) -> dict[str, float]:
    """Return the calibration's fields of BlendWeights.

    scores, picks: (documents,) for each list; a pick is above 0. Source: Platt scaling (Platt
    1999). The temperature is positive, so that relevance keeps the order of the scores. Platt's
    targets, slightly inside 0 and 1, keep it from reaching 0 where the scores separate all picks.
    """
    all_scores = np.concatenate(scores).astype(np.float64)
    is_picked = np.concatenate(picks) > 0
    high = (is_picked.sum() + 1) / (is_picked.sum() + 2)
    low = 1 / ((~is_picked).sum() + 2)
    targets = np.where(is_picked, high, low)

    def cross_entropy(parameters: Array) -> float:
        log_temperature, threshold = parameters
        logits = (all_scores - threshold) / math.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, logits) - targets * logits))

    start = np.array([0.0, float(all_scores.mean())])
    log_temperature, threshold = minimize(cross_entropy, start, method="Nelder-Mead").x
    return {
        "calibration_temperature": float(math.exp(log_temperature)),
        "calibration_threshold": float(threshold),
    }

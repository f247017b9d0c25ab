"""Calibration finds the sigmoid that made the picks, and never reorders scores."""

from collections.abc import Callable

import numpy as np
import pytest

from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, relevance
from findtune.reranker.training.calibration import calibrate


@pytest.mark.parametrize(
    ("temperature", "threshold", "scale"),
    [(0.7, 1.3, 2), (2, -3, 4), (0.02, 0.5, 0.05), (9, 90, 20)],
)
def test_calibration_recovers_the_sigmoid_that_made_the_picks(
    temperature: float, threshold: float, scale: float
) -> None:
    rng = np.random.default_rng(2)
    scores = [rng.normal(threshold, scale, size=10) for _ in range(400)]
    chances = [1 / (1 + np.exp((threshold - row) / temperature)) for row in scores]
    picks = [(rng.random(10) < row).astype(int) for row in chances]
    fitted = calibrate(scores, picks)
    assert fitted["calibration_temperature"] == pytest.approx(temperature, rel=0.1)
    assert fitted["calibration_threshold"] == pytest.approx(threshold, abs=0.2 * temperature)


PICKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "separated": lambda scores: scores > 0.5,
    "separated the wrong way": lambda scores: scores < 0.5,
    "none": lambda scores: scores > 99,
    "all": lambda scores: scores < 99,
    "one": lambda scores: scores == scores.max(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PICKS)
@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_calibration_keeps_order_and_distinct_scores(name: str, scale: float) -> None:
    rng = np.random.default_rng(3)
    scores = [rng.normal(size=8) for _ in range(12)]
    picks = [PICKS[name](row).astype(int) for row in scores]
    fitted = calibrate([row * scale for row in scores], picks)
    weights = CROSS_ENCODER_ONLY.model_copy(update=fitted)
    steps = np.diff(relevance(np.sort(np.concatenate(scores) * scale), weights))
    assert (steps >= 0).all()
    if name != "separated the wrong way":
        assert (steps > 0).all()


def test_equal_scores_are_as_relevant_as_they_are_often_picked() -> None:
    scores, picks = [np.ones(10)] * 50, [np.array([1, 1] + [0] * 8)] * 50
    weights = CROSS_ENCODER_ONLY.model_copy(update=calibrate(scores, picks))
    assert relevance(scores[0], weights) == pytest.approx([0.2] * 10, abs=0.01)

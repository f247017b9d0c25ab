"""A score is the weighted sum of its parts, and relevance is a sigmoid of it."""

from math import exp

import numpy as np
import pytest

from findtune.core.errors import CollapseError
from findtune.reranker.model.blending import (
    CROSS_ENCODER_ONLY,
    BlendWeights,
    blend,
    blend_features,
    relevance,
)


def weights(**changes: float) -> BlendWeights:
    return BlendWeights(**CROSS_ENCODER_ONLY.model_dump() | changes)


FEATURES = np.array([[0.5, 0.1, 0.02], [0.25, 0.05, 0.01]])


def test_a_score_is_the_weighted_sum_of_logit_and_features() -> None:
    mixed = weights(cross_encoder=2, retriever=4, doc_similarity=10, title_similarity=100)
    [scores] = blend([np.array([1.0, -2.0])], [FEATURES], mixed)
    assert scores == pytest.approx([2 + 2 + 1 + 2, -4 + 1 + 0.5 + 1])
    [alone] = blend_features([FEATURES], mixed)
    assert alone == pytest.approx([2 + 1 + 2, 1 + 0.5 + 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["logits", "features"])
def test_a_score_that_is_not_finite_is_refused(bad: float, part: str) -> None:
    logits, features = [np.ones(2), np.ones(2)], [FEATURES, FEATURES.copy()]
    {"logits": logits, "features": features}[part][1][0] = bad
    with pytest.raises(CollapseError, match="a score is NaN or infinite"):
        blend(logits, features, weights(retriever=1, doc_similarity=1, title_similarity=1))


def test_relevance_is_a_sigmoid_around_the_threshold() -> None:
    calibrated = weights(calibration_temperature=2, calibration_threshold=3)
    expected = [1 / (1 + exp(1)), 0.5, 1 / (1 + exp(-1))]
    assert relevance(np.array([1.0, 3.0, 5.0]), calibrated) == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
def test_extreme_scores_have_a_relevance() -> None:
    scores = np.array([-1e30, -800.0, 0, 800.0, 1e30])
    assert relevance(scores, weights(calibration_temperature=1e-4)).tolist() == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize("key", ["calibration_temperature", "temperature"])
@pytest.mark.parametrize("value", [0, -1])
def test_weights_that_would_reorder_are_refused(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        weights(**{key: value})

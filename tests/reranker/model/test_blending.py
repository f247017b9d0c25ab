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
from findtune.reranker.model.retriever_features import FEATURES


def weights(**changes: float) -> BlendWeights:
    return BlendWeights(**CROSS_ENCODER_ONLY.model_dump() | changes)


# The features of two documents, twice as high for the first one; each is a tenth of the one before.
VALUES = np.array([[2.0], [1.0]]) * 10.0 ** -np.arange(len(FEATURES))


def test_a_score_is_the_weighted_sum_of_logit_and_features() -> None:
    for number, name in enumerate(FEATURES):
        [alone] = blend_features([VALUES], weights(cross_encoder=2, **{name: 3.0}))
        assert alone == pytest.approx(3 * VALUES[:, number])
    mixed = weights(cross_encoder=2, retriever=4, doc_similarity=10, bm25=1e5)
    [scores] = blend([np.array([1.0, -2])], [VALUES], mixed)
    assert scores == pytest.approx([2 + 8 + 2 + 2, -4 + 4 + 1 + 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["logits", "features"])
def test_a_score_that_is_not_finite_is_refused(bad: float, part: str) -> None:
    logits, features = [np.ones(2), np.ones(2)], [VALUES, VALUES.copy()]
    {"logits": logits, "features": features}[part][1][0] = bad
    with pytest.raises(CollapseError, match="a score is NaN or infinite"):
        blend(logits, features, weights(**dict.fromkeys(FEATURES, 1)))


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

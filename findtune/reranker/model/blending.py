"""Blending the cross-encoder's logits with the retriever's features into one score."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field
from scipy.special import expit

from findtune.core.errors import CollapseError
from findtune.core.files import read_json
from findtune.core.params import Section
from findtune.reranker.model.retriever_features import FEATURES

Array = np.ndarray


class BlendWeights(Section):
    """The weights of a score's parts, and the settings that compute them.

    A saved reranker has them in its weights.json.
    """

    cross_encoder: float
    retriever: float
    doc_similarity: float
    title_similarity: float
    title_cosine: float
    base_retriever: float
    bm25: float
    shown_rank: float
    engine_score: float
    found_by_query: float
    temperature: float = Field(gt=0)  # of the softmax in doc_similarity and title_similarity
    calibration_temperature: float = Field(gt=0)
    calibration_threshold: float  # the score whose relevance is 0.5
    max_length: int = Field(gt=0)  # tokens of query and document that the cross-encoder reads


# Scores are the cross-encoder's logits; relevance is their sigmoid.
CROSS_ENCODER_ONLY = BlendWeights(
    cross_encoder=1,
    **dict.fromkeys(FEATURES, 0),
    temperature=1,
    calibration_temperature=1,
    calibration_threshold=0,
    max_length=1,
)


def blend(logits: Sequence[Array], features: Sequence[Array], weights: BlendWeights) -> list[Array]:
    """Return the scores of each list, (documents,).

    logits: (documents,) for each list; features: (documents, features). Raises CollapseError when
    a score is NaN or infinite.
    """
    feature_weights = np.array([getattr(weights, name) for name in FEATURES])
    scores = [
        (weights.cross_encoder * list_logits + list_features @ feature_weights).astype(np.float32)
        for list_logits, list_features in zip(logits, features, strict=True)
    ]
    if not all(np.isfinite(list_scores).all() for list_scores in scores):
        raise CollapseError("a score is NaN or infinite; lower learning_rate, or use fp32.")
    return scores


def blend_features(features: Sequence[Array], weights: BlendWeights) -> list[Array]:
    """Return the scores of each list without a cross-encoder, (documents,)."""
    return blend([np.zeros(len(list_features)) for list_features in features], features, weights)


def relevance(scores: Array, weights: BlendWeights) -> Array:
    """Return scores as relevance in [0, 1], in the same order: a calibrated sigmoid."""
    # in fp64, so that distinct scores stay distinct
    distance = np.asarray(scores, dtype=np.float64) - weights.calibration_threshold
    sigmoid: Array = expit(distance / weights.calibration_temperature)
    return sigmoid


def write_weights(path: Path, weights: BlendWeights) -> None:
    """Write weights with all digits, so that loading them gives the same scores."""
    path.write_text(weights.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_weights(path: Path) -> BlendWeights:
    """Return the weights in a file."""
    return BlendWeights(**read_json(path))

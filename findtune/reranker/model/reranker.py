"""A reranker: a cross-encoder, a retriever, and the weights that blend them into one score.

The score ranks. Relevance, which people see, is its calibrated sigmoid and keeps the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sentence_transformers import CrossEncoder, SentenceTransformer

from findtune.core.records import Record
from findtune.reranker.model import cross_encoder
from findtune.reranker.model.blending import (
    BlendWeights,
    blend,
    read_weights,
    relevance,
    write_weights,
)
from findtune.reranker.model.cross_encoder import predict_logits
from findtune.reranker.model.retriever_features import retriever_features
from findtune.retrieval.encoder import load_encoder

__all__ = ["BlendWeights", "Reranker", "load"]

Array = np.ndarray


@dataclass(frozen=True)
class Reranker:
    """Scores the documents of a list against its query."""

    cross_encoder: CrossEncoder
    retriever: SentenceTransformer
    weights: BlendWeights

    def scores(self, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
        """Return the scores of each list, (documents,).

        lists: {"query", "documents": [{"title", "text"}]}. Raises CollapseError when a score is
        NaN or infinite.
        """
        temperature = self.weights.temperature
        features = retriever_features(self.retriever, lists, temperature, progress=progress)
        logits = predict_logits(self.cross_encoder, lists, progress=progress)
        return blend(logits, features, self.weights)

    def relevance(self, scores: Array) -> Array:
        """Return scores as relevance in [0, 1], in the same order."""
        return relevance(scores, self.weights)

    def with_weights(self, **changes: float) -> "Reranker":
        """Return the same models with other weights."""
        return replace(self, weights=self.weights.model_copy(update=changes))

    def save(self, folder: Path) -> None:
        """Write the cross-encoder, the retriever and the weights to a folder."""
        self.cross_encoder.save_pretrained(str(folder), create_model_card=False)
        self.retriever.save_pretrained(str(folder / "retriever"), create_model_card=False)
        write_weights(folder / "weights.json", self.weights)


def load(folder: Path) -> Reranker:
    """Return the reranker in a folder.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    weights = read_weights(folder / "weights.json")
    return Reranker(
        cross_encoder=cross_encoder.load(folder, weights.max_length),
        retriever=load_encoder(folder / "retriever"),
        weights=weights,
    )

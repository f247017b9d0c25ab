"""A reranker: a retriever, a cross-encoder, and the weights that blend them into one score.

The score ranks the documents. Relevance, which people see, is its calibrated sigmoid, in the same
order.
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
from findtune.reranker.model.retriever_features import (
    BASE_FEATURES,
    TUNED_FEATURES,
    retriever_features,
)
from findtune.retrieval.encoder import load_encoder

__all__ = ["BlendWeights", "Reranker", "load", "load_for_dev"]

SEARCH_WEIGHTS = "search_weights.json"
TRAIN_RETRIEVER = "train_retriever"  # learned train only; `retriever` learned dev, too

Array = np.ndarray


@dataclass(frozen=True)
class Reranker:
    """Scores the documents of a list against its query."""

    cross_encoder: CrossEncoder
    retriever: SentenceTransformer  # tuned on picks
    base_retriever: SentenceTransformer  # the same encoder before it was tuned
    weights: BlendWeights  # for lists that an engine has selected, as in the feedback
    search_weights: BlendWeights  # for the candidates of a search

    def for_search(self) -> "Reranker":
        """Return the same models, which rank the candidates of a search."""
        return replace(self, weights=self.search_weights)

    def scores(self, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
        """Return the scores of each list, (documents,).

        lists: {"query", "documents": [{"title", "text"}]}; a document may also have `rank`, the
        engine's `score` and `query_used`. Raises CollapseError when a score is NaN or infinite.
        """
        logits = self.logits(lists, progress=progress)
        features = self.weighted_features(lists, progress=progress)
        return blend(logits, features, self.weights)

    def weighted_features(self, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
        """Return the features of each list; an encoder's are 0 if none of them has a weight."""
        return retriever_features(
            self.retriever if self.weighs(TUNED_FEATURES) else None,
            self.base_retriever if self.weighs(BASE_FEATURES) else None,
            lists,
            self.weights.temperature,
            progress=progress,
        )

    def weighs(self, features: Sequence[str]) -> bool:
        """Return whether any of some features has a weight."""
        return any(getattr(self.weights, name) for name in features)

    def features(self, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
        """Return the retriever's features of each list, (documents, features)."""
        return retriever_features(
            self.retriever,
            self.base_retriever,
            lists,
            self.weights.temperature,
            progress=progress,
        )

    def logits(self, lists: Sequence[Record], *, progress: bool = False) -> list[Array]:
        """Return the cross-encoder's logits, (documents,); 0 where it has no weight."""
        if not self.weights.cross_encoder:
            return [np.zeros(len(row["documents"]), dtype=np.float32) for row in lists]
        return predict_logits(self.cross_encoder, lists, progress=progress)

    def relevance(self, scores: Array) -> Array:
        """Return scores as relevance in [0, 1], in the same order."""
        return relevance(scores, self.weights)

    def with_weights(self, **changes: float) -> "Reranker":
        """Return the same models with other weights."""
        return replace(self, weights=self.weights.model_copy(update=changes))

    def save(self, folder: Path) -> None:
        """Write the cross-encoder, both retrievers and the weights to a folder."""
        self.cross_encoder.save_pretrained(str(folder), create_model_card=False)
        for name, retriever in (
            ("retriever", self.retriever),
            ("base_retriever", self.base_retriever),
        ):
            save_retriever(retriever, folder / name)
        write_weights(folder / "weights.json", self.weights)
        write_weights(folder / SEARCH_WEIGHTS, self.search_weights)


def save_retriever(retriever: SentenceTransformer, folder: Path) -> None:
    """Write a retriever to a folder, with the same bytes whatever it has read.

    A tokenizer keeps the limits of the last texts that it read, and saves them with itself.
    """
    backend = getattr(retriever.tokenizer, "backend_tokenizer", None)  # not written in Python
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    retriever.save_pretrained(str(folder), create_model_card=False)


def load_for_dev(folder: Path) -> Reranker:
    """Return the reranker in a folder, with the retriever that has not learned dev.

    Anything that is chosen on dev must use this one. Its few weights were fitted to train and dev,
    but to features of retrievers that had not learned the list. Raises UnsafeModelError as `load`
    does.
    """
    return replace(load(folder), retriever=load_encoder(folder / TRAIN_RETRIEVER))


def load(folder: Path) -> Reranker:
    """Return the reranker in a folder.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    weights = read_weights(folder / "weights.json")
    search = folder / SEARCH_WEIGHTS  # rerankers of earlier releases have none
    return Reranker(
        cross_encoder=cross_encoder.load(folder, weights.max_length),
        retriever=load_encoder(folder / "retriever"),
        base_retriever=load_encoder(folder / "base_retriever"),
        weights=weights,
        search_weights=read_weights(search) if search.exists() else weights,
    )

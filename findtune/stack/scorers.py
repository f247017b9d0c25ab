"""The rerankers of the grid: the base embedder's cosine, a base cross-encoder, the tuned one.

Candidates come in the order in which they were retrieved, but without a rank: the tuned reranker
learned its feature `shown_rank` from the order that users saw on another engine's page, including
the position bias of their picks. So this feature is 0 for every candidate, and so is the engine's
score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

import numpy as np
from sentence_transformers import CrossEncoder, SentenceTransformer

from findtune.core.records import Record
from findtune.reranker.model.cross_encoder import predict_logits
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.model.retriever_features import BASE_FEATURES, TUNED_FEATURES
from findtune.retrieval.corpus import Corpus
from findtune.retrieval.kinds import Ranking
from findtune.stack.caches import LogitCache, VectorCache

Array = np.ndarray


class Scorer(Protocol):
    """Scores the documents of a list against its query."""

    def scores(self, lists: Sequence[Record]) -> list[Array]:
        """Return the scores of each list, (documents,)."""

    def relevance(self, scores: Array) -> Array | None:
        """Return calibrated relevance in [0, 1]; None without a calibration."""

    def vector_caches(self) -> Mapping[str, VectorCache]:
        """Return name of a part -> the encoder with which it reads documents."""

    def forget(self) -> None:
        """Forget what was computed for queries."""


@dataclass(frozen=True)
class CosineScorer:
    """Scores a document by the cosine of its vector and the query's."""

    encoder: VectorCache

    def scores(self, lists: Sequence[Record]) -> list[Array]:
        self.encoder.encode([text for row in lists for text in texts_of(row)])  # encode all at once
        scores = []
        for ranked_list in lists:
            query, *documents = self.encoder.encode(texts_of(ranked_list))
            scores.append(np.array([vector @ query for vector in documents], dtype=np.float32))
        return scores

    def relevance(self, scores: Array) -> Array | None:
        return None

    def vector_caches(self) -> Mapping[str, VectorCache]:
        return {"reranker": self.encoder}

    def forget(self) -> None:
        self.encoder.forget()


@dataclass(frozen=True)
class CrossEncoderScorer:
    """Scores a document by the logit of an untuned cross-encoder."""

    logits: LogitCache

    def scores(self, lists: Sequence[Record]) -> list[Array]:
        return predict_logits(cast(CrossEncoder, self.logits), lists)

    def relevance(self, scores: Array) -> Array | None:
        return None

    def vector_caches(self) -> Mapping[str, VectorCache]:
        return {}

    def forget(self) -> None:
        self.logits.forget()


@dataclass(frozen=True)
class RerankerScorer:
    """Scores documents with a tuned reranker, with a cache around each of its three models."""

    reranker: Reranker
    logits: LogitCache
    retriever: VectorCache
    base_retriever: VectorCache

    @classmethod
    def of(cls, reranker: Reranker, base_retriever: VectorCache) -> "RerankerScorer":
        """Return a reranker's scorer; base_retriever: a cache around it, which may be shared."""
        logits, retriever = LogitCache(reranker.cross_encoder), VectorCache(reranker.retriever)
        cached = replace(
            reranker,
            cross_encoder=cast(CrossEncoder, logits),
            retriever=cast(SentenceTransformer, retriever),
            base_retriever=cast(SentenceTransformer, base_retriever),
        )
        return cls(cached, logits, retriever, base_retriever)

    def scores(self, lists: Sequence[Record]) -> list[Array]:
        return self.reranker.scores(lists)

    def relevance(self, scores: Array) -> Array | None:
        return self.reranker.relevance(scores)

    def vector_caches(self) -> Mapping[str, VectorCache]:
        caches = {"reranker": self.retriever, "reranker_base": self.base_retriever}
        features = {"reranker": TUNED_FEATURES, "reranker_base": BASE_FEATURES}
        return {name: caches[name] for name in caches if self.reranker.weighs(features[name])}

    def forget(self) -> None:
        for cache in (self.logits, self.retriever, self.base_retriever):
            cache.forget()


def texts_of(ranked_list: Record) -> list[str]:
    """Return the query of a list and the texts of its documents."""
    return [ranked_list["query"], *(row["text"] for row in ranked_list["documents"])]


def candidate_list(question: str, ranking: Ranking, corpus: Corpus) -> Record:
    """Return a ranking as a list for a reranker."""
    documents = [{"title": corpus.titles[url], "text": corpus.texts[url]} for url in ranking]
    return {"query": question, "documents": documents}


def reorder(ranking: Ranking, scores: Array) -> Ranking:
    """Return a ranking with its top documents ordered by score; the others follow unchanged.

    scores: (documents,) of the top ones. Documents with equal scores keep their order.
    """
    order = np.argsort(-scores, kind="stable")
    return [ranking[int(position)] for position in order] + ranking[len(scores) :]

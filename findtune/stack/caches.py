"""Caches around models: each text is encoded once, and each pair is scored once.

A cache can replace its model wherever only `encode` or `predict` is called.
"""

import hashlib
import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
from sentence_transformers import CrossEncoder, SentenceTransformer

from findtune.retrieval.encoding import encode_texts

MANY_TEXTS = 1000  # encoding more may take minutes, so a terminal shows a progress bar

Array = np.ndarray
Pair = tuple[str, str]  # a query and a document


class VectorCache:
    """A sentence encoder that remembers its unit vectors.

    The vectors of a corpus stay; those of queries stay until `forget`.
    """

    def __init__(self, encoder: SentenceTransformer) -> None:
        self.encoder = encoder
        self.corpus: dict[str, int] = {}  # text -> its row among the kept vectors
        self.kept = np.zeros((0, 0), dtype=np.float32)
        self.queries: dict[str, Array] = {}

    def encode(self, sentences: Sequence[str], **_: Any) -> Array:
        """Return unit vectors, (texts, dimensions), fp32; new texts are encoded together.

        For exactly the kept texts, in order, no copy is made, since a corpus may be large.
        """
        if len(sentences) == len(self.kept) and all(
            self.corpus.get(text) == row for row, text in enumerate(sentences)
        ):
            return self.kept
        new = [
            text
            for text in dict.fromkeys(sentences)
            if text not in self.corpus and text not in self.queries
        ]
        self.queries.update(zip(new, self.compute(new), strict=True))
        rows = [
            self.kept[self.corpus[text]] if text in self.corpus else self.queries[text]
            for text in sentences
        ]
        return np.array(rows, dtype=np.float32)

    def compute(self, texts: Sequence[str]) -> Array:
        """Return unit vectors from the model itself, (texts, dimensions)."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        progress = len(texts) > MANY_TEXTS and sys.stderr.isatty()
        return encode_texts(self.encoder, texts, progress=progress)

    def keep(self, texts: Sequence[str], vectors: Array | None = None) -> Array:
        """Keep the vectors of a corpus's texts, (texts, dimensions), and return them.

        vectors: the texts' vectors, if they were computed before.
        """
        kept = self.encode(texts) if vectors is None else vectors
        new = [row for row, text in enumerate(texts) if text not in self.corpus]
        added = kept if len(new) == len(texts) else kept[new]
        self.corpus.update(zip((texts[row] for row in new), count(len(self.kept)), strict=False))
        self.kept = np.concatenate([self.kept, added]) if len(self.kept) else added
        return kept

    def forget(self) -> None:
        """Forget the vectors of queries, so that a service's memory does not grow."""
        self.queries.clear()

    def fingerprint(self) -> str:
        """Return a hash of all that determines the vectors; equal encoders may share a cache."""
        content = hashlib.sha256(f"{self.encoder.max_seq_length}".encode())
        vocabulary = sorted(self.encoder.tokenizer.get_vocab().items())
        content.update(repr(vocabulary).encode())
        for name, weights in sorted(self.encoder.state_dict().items()):
            content.update(name.encode())
            content.update(weights.cpu().contiguous().numpy().tobytes())
        return content.hexdigest()


class LogitCache:
    """A cross-encoder that remembers the logit of each (query, document) pair."""

    def __init__(self, model: CrossEncoder) -> None:
        self.model = model
        self.logits: dict[Pair, float] = {}

    def predict(self, sentences: Sequence[Pair], **options: Any) -> Array:
        """Return the logit of each pair, (pairs,), fp32; new pairs are scored together."""
        new = [pair for pair in dict.fromkeys(sentences) if pair not in self.logits]
        if new:
            logits = self.model.predict(new, **options).astype(np.float32)
            self.logits.update(zip(new, logits.tolist(), strict=True))
        return np.array([self.logits[pair] for pair in sentences], dtype=np.float32)

    def forget(self) -> None:
        """Forget all logits."""
        self.logits.clear()

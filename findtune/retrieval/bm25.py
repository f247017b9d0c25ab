"""BM25 over texts, on stems of content words.

Source: Robertson & Zaragoza 2009, as implemented by bm25s (Lu 2024).
"""

import os
from collections.abc import Sequence
from pathlib import Path

# If JAX is installed, importing bm25s starts it, and JAX takes three quarters of a GPU's memory.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import bm25s
import numpy as np

from findtune.core.text import content_stems
from findtune.retrieval.nearest import best_positions

FILES = {
    "data_name": "bm25.data.npy",
    "indices_name": "bm25.indices.npy",
    "indptr_name": "bm25.indptr.npy",
    "vocab_name": "bm25.vocabulary.json",
    "params_name": "bm25.json",
}
Array = np.ndarray


class BM25Index:
    """An index of texts that answers keyword queries."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.index = bm25s.BM25()
        self.index.index([content_stems(text) or [""] for text in texts], show_progress=False)

    @property
    def size(self) -> int:
        """The number of texts."""
        return int(self.index.scores["num_docs"])

    def save(self, folder: Path) -> None:
        """Write the index into a folder: arrays and JSON."""
        self.index.save(folder, **FILES, show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> "BM25Index":
        """Return the index in a folder; its arrays are memory-mapped."""
        loaded = cls.__new__(cls)
        loaded.index = bm25s.BM25.load(folder, **FILES, mmap=True)
        return loaded

    def scores(self, query: str) -> Array:
        """Return the score of every text, (texts,); 0 where text and query share no stem."""
        known = [stem for stem in content_stems(query) if stem in self.index.vocab_dict]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        scores: Array = self.index.get_scores(known)
        return scores

    def top_k(self, query: str, k: int) -> list[int]:
        """Return the positions of the best k texts that share a stem with a query, best first."""
        scores = self.scores(query)
        order = best_positions(scores, k).tolist()
        return [position for position in order if scores[position] > 0]

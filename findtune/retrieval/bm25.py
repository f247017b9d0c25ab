"""BM25 over texts, on stems of content words.

Source: Robertson & Zaragoza 2009, as implemented by bm25s (Lu 2024).
"""

from collections.abc import Sequence

import bm25s
import numpy as np

from findtune.core.text import content_stems

Array = np.ndarray


class BM25Index:
    """An index of texts that answers keyword queries."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.size = len(texts)
        self.index = bm25s.BM25()
        self.index.index([content_stems(text) or [""] for text in texts], show_progress=False)

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
        order = np.argsort(-scores, kind="stable")[:k]
        return [int(position) for position in order if scores[position] > 0]

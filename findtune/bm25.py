"""BM25 over a few thousand texts, with the stems that the splits know.

Source: Robertson & Zaragoza 2009, as bm25s computes it (Lu 2024).
"""

from collections.abc import Sequence

import bm25s
import numpy as np

from findtune.splits import STOP, fold, stem

Array = np.ndarray


class Index:
    """Texts that can be searched by words."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.size = len(texts)
        self.index = bm25s.BM25()
        self.index.index([words(text) or [""] for text in texts], show_progress=False)

    def scores(self, query: str) -> Array:
        """Return the score of every text, (texts,); 0 where no word is shared."""
        known = [word for word in words(query) if word in self.index.vocab_dict]
        if not known:
            return np.zeros(self.size, dtype=np.float32)
        found: Array = self.index.get_scores(known)
        return found

    def best(self, query: str, most: int) -> list[int]:
        """Return the numbers of the texts that share words with a query, the best first."""
        scores = self.scores(query)
        order = np.argsort(-scores, kind="stable")[:most]
        return [int(at) for at in order if scores[at] > 0]


def words(text: str) -> list[str]:
    """Return the stems of a text's content words, in its order."""
    return [stem(word) for word in fold(text).split() if word not in STOP]

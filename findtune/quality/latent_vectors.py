"""Latent semantic analysis: vectors of texts in which words that share documents are close.

The texts of one variable hold its synonyms, so "remote work" and "working from home" get close
to each other without a trained model. Source: Deerwester et al. (JASIS 1990).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from findtune.core.text import content_stems

MAX_DIMENSIONS = 200
MIN_DOCUMENTS = 3  # with fewer there is nothing to decompose

Array = np.ndarray


class LatentVectors:
    """Vectors of texts, fitted to documents; all zero where too few documents share words."""

    def __init__(self, documents: Sequence[str]) -> None:
        shared = 2 if len(documents) >= MAX_DIMENSIONS else 1
        self.vectorizer = TfidfVectorizer(
            tokenizer=content_stems, token_pattern=None, sublinear_tf=True, min_df=shared
        )
        self.svd: Any = None
        if len(documents) >= MIN_DOCUMENTS:
            self.fit(documents)

    def fit(self, documents: Sequence[str]) -> None:
        """Decompose the documents, unless they share no words."""
        try:
            matrix = self.vectorizer.fit_transform(documents)
        except ValueError:  # no word is in enough documents
            return
        dimensions = min(MAX_DIMENSIONS, min(matrix.shape) - 1)
        if dimensions >= 1:
            self.svd = TruncatedSVD(dimensions, random_state=0).fit(matrix)

    def encode(self, texts: Sequence[str]) -> Array:
        """Return vectors of length 1, (texts, dimensions); 0 for a text without a known word."""
        if self.svd is None or not texts:
            return np.zeros((len(texts), 1))
        vectors: Array = normalize(self.svd.transform(self.vectorizer.transform(texts)))
        return vectors

"""An embedder: a sentence encoder, whose unit vectors say by their cosine how close texts are."""

import sys
from collections.abc import Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.cards import About

ABOUT = About(
    "sentence-similarity", "sentence-transformers", "`SentenceTransformer(path)` loads it."
)
MANY = 1000  # texts
Array = np.ndarray


def vectors(model: SentenceTransformer, texts: Sequence[str]) -> Array:
    """Return the unit vectors of texts, (texts, dimensions), fp32.

    A progress bar shows where there are many texts and a terminal to draw it on.
    """
    progress = len(texts) > MANY and sys.stderr.isatty()
    return model.encode(
        list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=progress
    ).astype(np.float32)

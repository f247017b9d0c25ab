"""Encoding texts as unit vectors."""

import sys
from collections.abc import Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.retrieval.encoding import encode_texts

MIN_TEXTS_FOR_PROGRESS = 1000

Array = np.ndarray


def encode(model: SentenceTransformer, texts: Sequence[str]) -> Array:
    """Return the unit vectors of texts, (texts, dimensions), fp32.

    For many texts, a terminal shows a progress bar.
    """
    progress = len(texts) > MIN_TEXTS_FOR_PROGRESS and sys.stderr.isatty()
    return encode_texts(model, texts, progress=progress)

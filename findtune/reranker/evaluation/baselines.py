"""Rankings that need no training: the order in which documents were shown, and BM25."""

from collections.abc import Sequence

import numpy as np

from findtune.core.records import Record
from findtune.reranker.model.ranked_lists import document_texts
from findtune.retrieval.bm25 import BM25Index

Array = np.ndarray


def as_shown_scores(lists: Sequence[Record]) -> list[Array]:
    """Return scores that rank each list's documents in their given order, (documents,)."""
    return [-np.arange(len(ranked_list["documents"]), dtype=float) for ranked_list in lists]


def bm25_scores(lists: Sequence[Record]) -> list[Array]:
    """Return the BM25 scores of each list, (documents,), with all lists as the corpus."""
    texts = sorted({text for ranked_list in lists for text in document_texts(ranked_list)})
    rows = {text: row for row, text in enumerate(texts)}
    index = BM25Index(texts)
    scores = []
    for ranked_list in lists:
        own_rows = [rows[text] for text in document_texts(ranked_list)]
        scores.append(index.scores(ranked_list["query"])[own_rows])
    return scores

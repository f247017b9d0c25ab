"""Cross-fitting: what a model says of lists that it was not trained on, for all lists there are.

The lists are cut into folds; for each fold a retriever is tuned on the others and scores it. So
weights and choices rest on all of train and dev instead of dev alone. Dev is a fold of its own, so
there is a retriever that learned all of train and nothing of dev. Source: cross-fitting
(Chernozhukov et al. 2018), as in stacked generalization (Wolpert 1992).
"""

from collections.abc import Callable, Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.reranker.model.ranked_lists import without_random_negatives
from findtune.reranker.model.retriever_features import tuned_features
from findtune.training import ranks

Array = np.ndarray
Fit = Callable[[Sequence[Record]], SentenceTransformer]


def fold_numbers(lists: Sequence[Record], folds: int) -> list[int]:
    """Return the fold of each list; lists of one group share a fold."""
    return [int(hash_fraction(f"fold {row['group']}") * folds) for row in lists]


def out_of_fold_features(
    train: Sequence[Record], dev: Sequence[Record], fit: Fit, *, folds: int, temperature: float
) -> tuple[list[Array], SentenceTransformer]:
    """Return the TUNED_FEATURES of each list, by a retriever that did not learn from it.

    The lists are those of train and then those of dev. Also returned: the retriever that learned
    all of train. fit: returns a retriever tuned on some lists. folds: dev is one of them.
    """
    lists = [*train, *dev]
    numbers = [*fold_numbers(train, folds - 1), *([folds - 1] * len(dev))]
    features: list[Array] = [np.zeros(0)] * len(lists)
    for fold in sorted(set(numbers)):  # dev's is the last one
        others = [row for row, number in zip(lists, numbers, strict=True) if number != fold]
        retriever = fit(without_random_negatives(others))
        rows = [row for row, number in enumerate(numbers) if number == fold]
        held_out = [lists[row] for row in rows]
        scored = ranks.on_first(tuned_features, retriever, held_out, temperature)
        for row, list_features in zip(rows, scored, strict=True):
            features[row] = list_features
    return features, retriever

"""Cross-fitting: scoring every list with a model that was not trained on it.

The lists are split into folds; each fold is scored by a retriever tuned on the others. So weights
and choices rest on all of train and dev instead of dev alone. Source: cross-fitting (Chernozhukov
et al. 2018), as in stacked generalization (Wolpert 1992).
"""

from collections.abc import Callable, Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.reranker.model.ranked_lists import without_random_negatives
from findtune.reranker.model.retriever_features import tuned_features
from findtune.training import ranks
from findtune.training.folds import fold_numbers

Array = np.ndarray
Fit = Callable[[Sequence[Record]], SentenceTransformer]


def out_of_fold_features(
    lists: Sequence[Record],
    fit: Fit,
    *,
    scored: Sequence[Record],
    folds: int,
    temperature: float,
) -> list[Array]:
    """Return the TUNED_FEATURES of each scored list, by a retriever that did not learn its group.

    fit: tunes a retriever on some of `lists`, which have all groups of the scored ones. Raises
    InputError when all lists are of one group.
    """
    groups = [row["group"] for row in lists]
    numbers = fold_numbers(groups, folds).tolist()
    fold_of = dict(zip(groups, numbers, strict=True))
    features: list[Array] = [np.zeros(0)] * len(scored)
    for fold in sorted(set(numbers)):
        others = [row for row, number in zip(lists, numbers, strict=True) if number != fold]
        if not others:
            raise InputError(
                "all lists of train and dev are about one question; add feedback on other ones."
            )
        retriever = fit(without_random_negatives(others))
        rows = [row for row, each in enumerate(scored) if fold_of[each["group"]] == fold]
        held_out = [scored[row] for row in rows]
        computed = ranks.on_first(tuned_features, retriever, held_out, temperature)
        for row, list_features in zip(rows, computed, strict=True):
            features[row] = list_features
    return features

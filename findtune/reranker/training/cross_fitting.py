"""Cross-fitting: scoring every list with a model that was not trained on it.

The lists are split into folds; each fold is scored by a retriever tuned on the others. So weights
and choices rest on all of train and dev instead of dev alone. Dev is one of the folds, so that its
retriever has learned all of train: later choices on dev, such as the stack's, use that one. Source:
cross-fitting (Chernozhukov et al. 2018), as in stacked generalization (Wolpert 1992).
"""

from collections.abc import Callable, Mapping, Sequence

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
    train: Sequence[Record],
    dev: Sequence[Record],
    fit: Fit,
    *,
    scored: Sequence[Record],
    folds: int,
    temperature: float,
) -> tuple[list[Array], SentenceTransformer]:
    """Return the TUNED_FEATURES of each scored list, by a retriever that did not learn its group.

    Also return a retriever that has learned exactly train. fit: tunes a retriever on some lists.
    scored: lists of groups that train or dev has. folds: of train and dev. Raises InputError when
    all lists are of one group.
    """
    fold_of, lists = fold_by_group(train, dev, folds), [*train, *dev]
    features: list[Array] = [np.zeros(0)] * len(scored)
    of_train = None
    for fold in sorted(set(fold_of.values())):
        learned = [row for row in lists if fold_of[row["group"]] != fold]
        if not learned:
            raise InputError(
                "all lists of train and dev are of one question, session or user; add other "
                "feedback, or leave out `user` where it names a service and no person."
            )
        retriever = fit(without_random_negatives(learned))
        if learned == [*train]:
            of_train = retriever
        rows = [row for row, each in enumerate(scored) if fold_of[each["group"]] == fold]
        held_out = [scored[row] for row in rows]
        computed = ranks.on_first(tuned_features, retriever, held_out, temperature)
        for row, list_features in zip(rows, computed, strict=True):
            features[row] = list_features
    return features, of_train or fit(without_random_negatives(train))


def fold_by_group(train: Sequence[Record], dev: Sequence[Record], folds: int) -> Mapping[str, int]:
    """Return group -> its fold: dev is the last one, and the groups of train share the others.

    A user may have lists in both. Then all groups share all folds.
    """
    of_train, of_dev = ([row["group"] for row in rows] for rows in (train, dev))
    if set(of_train).isdisjoint(of_dev):
        numbers = fold_numbers(of_train, folds - 1).tolist()
        return dict(zip(of_train, numbers, strict=True)) | dict.fromkeys(of_dev, folds - 1)
    groups = [*of_train, *of_dev]
    return dict(zip(groups, fold_numbers(groups, folds).tolist(), strict=True))

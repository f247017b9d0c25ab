"""Splitting groups into folds, for cross-fitting."""

from collections.abc import Sequence

import numpy as np

from findtune.core.text import hash_fraction

Array = np.ndarray


def fold_numbers(groups: Sequence[str], folds: int) -> Array:
    """Return the fold of each item, (items,); the folds have equal numbers of groups, up to one.

    groups: a label for each item; items of one group share a fold, whatever their order.
    """
    # salted, since each split is a range of the groups' unsalted hashes
    ordered = sorted(set(groups), key=lambda group: hash_fraction(f"fold {group}"))
    fold_of = {group: number % folds for number, group in enumerate(ordered)}
    return np.array([fold_of[group] for group in groups])

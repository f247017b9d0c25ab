"""Splits by hash: an item's own key decides whether it is in train, dev or test.

New data never moves an old item. If two splits would still share something (the same words under
two ids), preparation removes it from the split that learns, and a leak report checks that the
splits share nothing.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from pydantic import Field

from findtune.core.errors import InputError
from findtune.core.params import Section
from findtune.core.text import hash_fraction

SPLITS = ("train", "dev", "test")


class SplitShares(Section):
    """The shares of all groups that are held out, and which of the disjoint test sets to use."""

    dev: float = Field(ge=0, lt=0.5)
    test: float = Field(gt=0, lt=0.5)
    fold: int = Field(ge=0)


def assign_split(key: str, shares: SplitShares) -> str:
    """Return train, dev or test for a key.

    The unit interval is cut into test, dev and train. Fold n shifts the cut by n test sets, so
    that the folds 0 ... 1/test - 1 test every group once.
    """
    return split_of_position(hash_fraction(key), shares)


def split_of_position(hashed: float, shares: SplitShares) -> str:
    """Return train, dev or test for the hash of a key in [0, 1)."""
    position = (hashed - shares.fold * shares.test) % 1
    if position < shares.test:
        return "test"
    return "dev" if position < shares.test + shares.dev else "train"


def leak_report(
    keys_by_split: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, int]]:
    """Return how many keys each pair of splits shares, by type of key. All counts are 0.

    keys_by_split: type of key (variables, texts, ...) -> split -> keys, as sets of texts or of
    hashes. Raises InputError when two splits share a key.
    """
    report = {
        key_type: {
            f"{first} and {second}": len(splits[first] & splits[second])
            for first, second in combinations(splits, 2)
        }
        for key_type, splits in keys_by_split.items()
    }
    leaks = {key_type: counts for key_type, counts in report.items() if any(counts.values())}
    if leaks:
        raise InputError(f"the split leaks: {leaks}; no split may hold what another one holds.")
    return report

"""Sets of 64-bit hashes: eight bytes for each member, where a set of texts takes hundreds.

Two texts share a hash with a probability of 1 in 10^6 among six million texts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from findtune.core.text import hash_64

Array = np.ndarray


@dataclass(frozen=True)
class HashSet:
    """A set of texts, known by their hashes: sorted, (members,), uint64."""

    hashes: Array

    @classmethod
    def union(cls, sets: Sequence["HashSet"]) -> "HashSet":
        """Return the set of all members of some sets."""
        parts = [np.empty(0, dtype=np.uint64), *(each.hashes for each in sets)]
        return cls(np.unique(np.concatenate(parts)))

    def __len__(self) -> int:
        return len(self.hashes)

    def __contains__(self, text: str) -> bool:
        return self.contains([text])[0]

    def contains(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is a member."""
        if not len(self.hashes) or not texts:
            return [False] * len(texts)
        hashes = np.array([hash_64(text) for text in texts], dtype=np.uint64)
        places = np.minimum(self.hashes.searchsorted(hashes), len(self.hashes) - 1)
        members: list[bool] = (self.hashes[places] == hashes).tolist()
        return members


def hash_set(hashes: Iterable[int]) -> HashSet:
    """Return the set of some hashes."""
    return HashSet(np.unique(np.array([*hashes], dtype=np.uint64)))

"""Sets of 64-bit hashes: eight bytes for each member, where a set of texts takes hundreds.

Among six million texts, the probability that any two share a hash is 1 in 10^6.
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

    def __and__(self, other: "HashSet") -> "HashSet":
        """Return the intersection."""
        return HashSet(np.intersect1d(self.hashes, other.hashes, assume_unique=True))

    def contains_hashes(self, hashes: Array) -> Array:
        """Return for each hash whether a member has it, (hashes,), bool."""
        if not len(self.hashes):
            return np.zeros(len(hashes), dtype=bool)
        places = np.minimum(self.hashes.searchsorted(hashes), len(self.hashes) - 1)
        members: Array = self.hashes[places] == hashes
        return members

    def contains(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is a member."""
        if not len(self.hashes) or not texts:
            return [False] * len(texts)
        hashes = np.array([hash_64(text) for text in texts], dtype=np.uint64)
        members: list[bool] = self.contains_hashes(hashes).tolist()
        return members


def hash_set(hashes: Iterable[int]) -> HashSet:
    """Return the set of some hashes."""
    return HashSet(np.unique(np.array([*hashes], dtype=np.uint64)))


def hash_texts(texts: Iterable[str]) -> HashSet:
    """Return the set of some texts."""
    return hash_set(map(hash_64, texts))

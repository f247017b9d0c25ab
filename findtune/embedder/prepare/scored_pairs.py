"""Pairs of sentences with a similarity score in [0, 1]: for training, and for the guardrail.

Guard pairs are everyday sentences. They are never trained on: they measure whether the model
still understands texts that have nothing to do with the catalog.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from findtune.core.files import iter_jsonl
from findtune.core.records import Record
from findtune.core.text import hash_fraction, normalize
from findtune.examples.splits import SPLITS, SplitShares, assign_split

MIN_DEV_PAIRS = 30  # fewer scored pairs can't tell two models apart


class ScoredPair(NamedTuple):
    """Two sentences and how similar they are; `source` is file:line."""

    sentence_1: str
    sentence_2: str
    score: float
    source: str


def read_pairs(path: Path) -> list[ScoredPair]:
    """Return the pairs of a clean file."""
    return [ScoredPair(**row) for row in iter_jsonl(path)]


def split_scored_pairs(
    pairs: Iterable[ScoredPair], shares: SplitShares
) -> dict[str, list[ScoredPair]]:
    """Return the pairs of each split; the hash of the first sentence decides the split.

    If dev would get too few pairs to compare models, they go to train instead.
    """
    splits: dict[str, list[ScoredPair]] = {split: [] for split in SPLITS}
    for pair in pairs:
        splits[assign_split(normalize(pair.sentence_1), shares)].append(pair)
    if len(splits["dev"]) < MIN_DEV_PAIRS:
        splits["train"] += splits["dev"]
        splits["dev"] = []
    return splits


def split_guard_pairs(pairs: Iterable[ScoredPair]) -> dict[str, list[ScoredPair]]:
    """Return the guard pairs of dev and of test, about half each; train gets none."""
    splits: dict[str, list[ScoredPair]] = {split: [] for split in SPLITS}
    for pair in pairs:
        in_dev = hash_fraction(normalize(pair.sentence_1)) < 0.5
        splits["dev" if in_dev else "test"].append(pair)
    return splits


def pair_record(kind: str, pair: ScoredPair) -> Record:
    """Return a pair as an example of kind `scored` or `guard`."""
    return {
        "kind": kind,
        "sentence_1": pair.sentence_1,
        "sentence_2": pair.sentence_2,
        "score": pair.score,
        "sources": [pair.source],
    }

"""How a rewriter writes, whatever its rewrites find."""

from collections.abc import Iterable, Sequence

import numpy as np

from findtune.rewriter.evaluation.results import ModelRewrites
from findtune.rewriter.model.entities import extract_entities, keeps_entities
from findtune.rewriter.model.usable_rewrites import is_copy, is_repetitive

MAX_COPY_RATE = 0.8  # from this share of all samples on, a rewriter has collapsed
MAX_REPETITION_RATE = 0.5


def measure_habits(
    rewrites: Sequence[ModelRewrites], queries: Sequence[str], names: frozenset[str]
) -> dict[str, float]:
    """Return the habits of a rewriter over all seeds.

    Of all samples: copy_rate, repetition_rate, and entity_recall_sampled (the share that keeps the
    question's entities). Of the searched rewrites: entity_recall_searched, length_ratio (words per
    word of the question), and num_rewrites per question.
    """
    sampled = [pair for one_seed in rewrites for pair in pair_up(queries, one_seed.samples)]
    searched = [pair for one_seed in rewrites for pair in pair_up(queries, one_seed.searched)]

    def keeps(query: str, rewrite: str) -> bool:
        return keeps_entities(rewrite, extract_entities(query, names), names)

    return {
        "copy_rate": mean(is_copy(*pair) for pair in sampled),
        "repetition_rate": mean(is_repetitive(*pair) for pair in sampled),
        "entity_recall_sampled": mean(keeps(*pair) for pair in sampled),
        "entity_recall_searched": mean((keeps(*pair) for pair in searched), default=1.0),
        "length_ratio": mean((length_ratio(*pair) for pair in searched), default=1.0),
        "num_rewrites": len(searched) / len(queries) / len(rewrites),
    }


def has_collapsed(habits: dict[str, float]) -> bool:
    """Return whether a rewriter mostly copies the question, or repeats itself."""
    return habits["copy_rate"] >= MAX_COPY_RATE or habits["repetition_rate"] >= MAX_REPETITION_RATE


def pair_up(queries: Sequence[str], rewrites: Sequence[list[str]]) -> list[tuple[str, str]]:
    """Return every query with each of its rewrites."""
    return [(query, text) for query, texts in zip(queries, rewrites, strict=True) for text in texts]


def length_ratio(query: str, rewrite: str) -> float:
    """Return the number of a rewrite's words for each word of the query."""
    return len(rewrite.split()) / max(1, len(query.split()))


def mean(values: Iterable[float], default: float = 0.0) -> float:
    """Return the mean of values, or the default when there are none."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else default

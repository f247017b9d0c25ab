"""How a rewriter writes, apart from what its rewrites find."""

from collections.abc import Iterable, Sequence

import numpy as np

from findtune.rewriter.evaluation.held_out import HeldOut
from findtune.rewriter.evaluation.results import ModelRewrites
from findtune.rewriter.model.entities import extract_entities, keeps_entities
from findtune.rewriter.model.lexicon import Lexicon
from findtune.rewriter.model.usable_rewrites import is_copy, is_repetitive, usable_rewrites

MAX_COPY_RATE = 0.8  # of all samples; a rewriter that reaches it has collapsed
MAX_REPETITION_RATE = 0.5


def measure_habits(
    rewrites: Sequence[ModelRewrites], held_out: HeldOut, lexicon: Lexicon
) -> dict[str, float]:
    """Return the habits of a rewriter over all seeds, in its samples and its searched rewrites."""
    return {
        **sampling_habits(rewrites, held_out, lexicon),
        **searching_habits(rewrites, held_out.queries, lexicon.names),
    }


def sampling_habits(
    rewrites: Sequence[ModelRewrites], held_out: HeldOut, lexicon: Lexicon
) -> dict[str, float]:
    """Return the share of all samples that show each habit.

    copy_rate, repetition_rate, unknown_word_rate (has a word that is neither in the session's
    questions nor in the lexicon), rejected_rate (can't be searched), and entity_recall_sampled
    (keeps the question's entities).
    """
    queries, histories, names = held_out.queries, held_out.histories, lexicon.names
    rows = [
        (query, text, history)
        for one_seed in rewrites
        for query, history, texts in zip(queries, histories, one_seed.samples, strict=True)
        for text in texts
    ]
    return {
        "copy_rate": mean(is_copy(query, text) for query, text, _ in rows),
        "repetition_rate": mean(is_repetitive(query, text) for query, text, _ in rows),
        "unknown_word_rate": mean(
            not lexicon.knows(text, query, history) for query, text, history in rows
        ),
        "rejected_rate": mean(
            not usable_rewrites(query, [text], lexicon, history) for query, text, history in rows
        ),
        "entity_recall_sampled": mean(keeps_names(query, text, names) for query, text, _ in rows),
    }


def searching_habits(
    rewrites: Sequence[ModelRewrites], queries: Sequence[str], names: frozenset[str]
) -> dict[str, float]:
    """Return the habits of the rewrites that are searched.

    entity_recall_searched, length_ratio (words per word of the question), and num_rewrites per
    question.
    """
    searched = [pair for one_seed in rewrites for pair in pair_up(queries, one_seed.searched)]
    return {
        "entity_recall_searched": mean((keeps_names(*pair, names) for pair in searched), 1.0),
        "length_ratio": mean((length_ratio(*pair) for pair in searched), 1.0),
        "num_rewrites": len(searched) / len(queries) / len(rewrites),
    }


def keeps_names(query: str, rewrite: str, names: frozenset[str]) -> bool:
    """Return whether a rewrite keeps the entities of a query."""
    return keeps_entities(rewrite, extract_entities(query, names), names)


def has_collapsed(habits: dict[str, float]) -> bool:
    """Return whether a rewriter mostly copies the question, or repeats itself."""
    return habits["copy_rate"] >= MAX_COPY_RATE or habits["repetition_rate"] >= MAX_REPETITION_RATE


def pair_up(queries: Sequence[str], rewrites: Sequence[list[str]]) -> list[tuple[str, str]]:
    """Return every query with each of its rewrites."""
    return [(query, text) for query, texts in zip(queries, rewrites, strict=True) for text in texts]


def length_ratio(query: str, rewrite: str) -> float:
    """Return the number of words of a rewrite per word of the query."""
    return len(rewrite.split()) / max(1, len(query.split()))


def mean(values: Iterable[float], default: float = 0.0) -> float:
    """Return the mean of values, or the default when there are none."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else default

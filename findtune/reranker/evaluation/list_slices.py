"""Slices of the held-out lists: by length of the query, and by whether train shows a pick."""

from collections.abc import Sequence

import numpy as np

from findtune.core.records import Record

MAX_SHORT_WORDS = 6

Array = np.ndarray


def slice_masks(lists: Sequence[Record]) -> dict[str, Array]:
    """Return a mask for each slice: whether each list belongs to it, (lists,)."""
    short = np.array([is_short(ranked_list["query"]) for ranked_list in lists])
    seen = np.array([has_seen_pick(ranked_list) for ranked_list in lists])
    return {"short": short, "long": ~short, "seen": seen, "unseen": ~seen}


def is_short(query: str) -> bool:
    """Return whether a query has few words."""
    return len(query.split()) <= MAX_SHORT_WORDS


def has_seen_pick(ranked_list: Record) -> bool:
    """Return whether train shows any of the picked documents, for another query."""
    picks = ranked_list["picks"]
    return any(
        document["seen"] for document in ranked_list["documents"] if document["url"] in picks
    )

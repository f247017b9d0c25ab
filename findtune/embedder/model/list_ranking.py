"""Ranking the documents of each held-out list by their cosine with its question."""

from collections.abc import Callable, Sequence

import numpy as np

from findtune.core.records import Record
from findtune.retrieval.metrics import evaluate, qrels_from_gains, run_from_scores

Array = np.ndarray
Encode = Callable[[Sequence[str]], Array]  # texts -> unit vectors, (texts, dimensions)


def measure_lists(
    lists: Sequence[Record], encode: Encode, measures: Sequence[str]
) -> dict[str, Array]:
    """Return each measure's value for each list, (lists,); a picked document is relevant."""
    texts = list(dict.fromkeys(text for row in lists for text in row["documents"]))
    rows = {text: number for number, text in enumerate(texts)}
    vectors = encode(texts)
    questions = encode([row["query"] for row in lists])
    scores = [
        vectors[[rows[text] for text in ranked_list["documents"]]] @ question
        for ranked_list, question in zip(lists, questions, strict=True)
    ]
    gains = [np.array(ranked_list["picked"], dtype=int) for ranked_list in lists]
    return evaluate(qrels_from_gains(gains), run_from_scores(scores, gains), measures)


def guard_reciprocal_ranks(guard_queries: Sequence[Record], encode: Encode) -> Array:
    """Return mrr@10 of each query, (queries,): its own text ranked among those of all queries."""
    texts = list(dict.fromkeys(row["text"] for row in guard_queries))
    scores = encode([row["query"] for row in guard_queries]) @ encode(texts).T
    gains = np.array([[int(text == row["text"]) for text in texts] for row in guard_queries])
    run = run_from_scores(list(scores), list(gains))
    return evaluate(qrels_from_gains(list(gains)), run, ["mrr@10"])["mrr@10"]

"""Measures of rankings of a corpus in which most documents are unjudged."""

from collections.abc import Mapping, Sequence

import numpy as np

from findtune.retrieval.kinds import Ranking
from findtune.retrieval.metrics import evaluate, run_from_rankings
from findtune.stack.held_out import Question

DECISIVE = "ndcg@10"
RANKING_MEASURES = ("ndcg@10", "recall@10")
TOP = 10  # rank down to which unjudged documents are counted

Array = np.ndarray
Values = dict[str, Array]  # measure -> (questions,); NaN where it is undefined


def measure(rankings: Sequence[Ranking], questions: Sequence[Question]) -> Values:
    """Return each measure of each question.

    ndcg@10, recall@10: by the grades of a question, or else by its picks; picks_*, graded_*: by
    picks or grades alone. condensed_ndcg@10: ndcg@10 of the ranking without its unjudged documents
    (Sakai, SIGIR 2007), for questions with a document that was judged irrelevant. unjudged@10: the
    share of the first ten documents that are unjudged.
    """
    gains = [question.gains for question in questions]
    picks = [dict.fromkeys(question.picks, 1) for question in questions]
    grades = [question.all_grades for question in questions]
    assessed = [question.assessed for question in questions]
    condensed = [
        [url for url in ranking if url in known]
        for ranking, known in zip(rankings, assessed, strict=True)
    ]
    condensed_values = measure_gains(condensed, gains)[DECISIVE]
    with_irrelevant = [
        any(not own.get(url) for url in known) for own, known in zip(gains, assessed, strict=True)
    ]
    return {
        **measure_gains(rankings, gains),
        f"condensed_{DECISIVE}": np.where(with_irrelevant, condensed_values, np.nan),
        "unjudged@10": unjudged(rankings, assessed),
        **prefixed("picks_", measure_gains(rankings, picks)),
        **prefixed("graded_", measure_gains(rankings, grades)),
    }


def measure_gains(rankings: Sequence[Ranking], gains: Sequence[Mapping[str, int]]) -> Values:
    """Return the measures of rankings; NaN for a question without a relevant document."""
    qrels = {f"{row}": own for row, own in enumerate(gains)}
    values = evaluate(qrels, run_from_rankings(rankings), RANKING_MEASURES)
    relevant = [any(gain > 0 for gain in own.values()) for own in gains]
    return {name: np.where(relevant, per_query, np.nan) for name, per_query in values.items()}


def unjudged(rankings: Sequence[Ranking], assessed: Sequence[set[str]]) -> Array:
    """Return the unjudged share of each ranking's first ten documents, (questions,)."""
    shares = [
        np.mean([url not in known for url in ranking[:TOP]]) if ranking else 0.0
        for ranking, known in zip(rankings, assessed, strict=True)
    ]
    return np.array(shares)


def prefixed(prefix: str, values: Values) -> Values:
    """Return values with a prefix before the name of each measure."""
    return {f"{prefix}{name}": per_query for name, per_query in values.items()}


def means(values: Values) -> dict[str, float]:
    """Return the mean of each measure over the questions where it is defined."""
    return {
        name: float(np.nanmean(per_query))
        for name, per_query in values.items()
        if not np.isnan(per_query).all()
    }

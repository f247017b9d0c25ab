"""Measures of rankings per query: trec_eval's, computed by ir-measures (https://ir-measur.es).

`qrels` and `run` have trec_eval's meaning: query id -> document id -> relevance grade, and
query id -> document id -> score.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from ir_measures import AP, RR, R, iter_calc, nDCG

MEASURES = {
    "ndcg@3": nDCG @ 3,
    "ndcg@10": nDCG @ 10,
    "mrr@10": RR @ 10,
    "map": AP,
    "recall@1": R @ 1,
    "recall@10": R @ 10,
}

GRADES_PER_GAIN = 100  # if gains have fractions

Array = np.ndarray
Qrels = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]


def evaluate(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    measures: Sequence[str],
) -> dict[str, Array]:
    """Return each measure's value for each query, (queries,), in the order of qrels.

    A query without results, or without relevant documents, has the value 0.
    """
    rows = {query_id: row for row, query_id in enumerate(qrels)}
    names = {MEASURES[name]: name for name in measures}
    values = {name: np.zeros(len(rows)) for name in measures}
    for metric in iter_calc(list(names), qrels, run):
        values[names[metric.measure]][rows[metric.query_id]] = metric.value
    return values


def binary_qrels(relevant: Sequence[Collection[str]]) -> Qrels:
    """Return qrels with grade 1 for each relevant document; query ids count from "0"."""
    return {f"{row}": dict.fromkeys(documents, 1) for row, documents in enumerate(relevant)}


def run_from_rankings(rankings: Sequence[Sequence[str]]) -> Run:
    """Return a run of rankings, best document first; query ids count from "0"."""
    return {
        f"{row}": {document: float(-rank) for rank, document in enumerate(ranking)}
        for row, ranking in enumerate(rankings)
    }


def qrels_from_gains(gains: Sequence[Array]) -> Qrels:
    """Return qrels of ranked lists; a document's id is its position in the list.

    gains: (documents,) for each list; a gain above 0 is relevant.
    """
    return {
        f"{row}": {f"{position}": grade for position, grade in enumerate(whole_grades(list_gains))}
        for row, list_gains in enumerate(gains)
    }


def whole_grades(gains: Array) -> list[int]:
    """Return the gains of a list as integers, since trec_eval accepts no others.

    Gains with fractions are rounded to hundredths and multiplied by 100: nDCG divides by the ideal
    DCG, so the factor cancels out.
    """
    values = np.asarray(gains, dtype=float)
    if not (values == np.rint(values)).all():
        values = np.rint(values * GRADES_PER_GAIN)
    return [int(value) for value in values]


def run_from_scores(scores: Sequence[Array], gains: Sequence[Array]) -> Run:
    """Return a run of scored lists; a document's id is its position in the list.

    scores, gains: (documents,) for each list. Ties are broken against the model: of two equal
    scores, the document with the smaller gain ranks first.
    """
    run = {}
    for row, (list_scores, list_gains) in enumerate(zip(scores, gains, strict=True)):
        order = np.lexsort((list_gains, -list_scores))
        run[f"{row}"] = {
            f"{position}": float(len(order) - rank) for rank, position in enumerate(order)
        }
    return run

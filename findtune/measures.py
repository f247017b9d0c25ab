"""Measures of rankings and of similarities, each per query where a query has one.

Ranking measures are trec_eval's, by ir-measures (https://ir-measur.es).
"""

from collections.abc import Collection, Sequence

import numpy as np
from ir_measures import AP, RR, R, iter_calc, nDCG
from scipy.stats import sem, spearmanr

DEPTH = 100  # ranks that a measure sees
MEASURES = {"ndcg@10": nDCG @ 10, "mrr@10": RR @ 10, "recall@1": R @ 1, "recall@10": R @ 10}
LIST_MEASURES = {"ndcg@3": nDCG @ 3, "ndcg@10": nDCG @ 10, "mrr@10": RR @ 10, "map": AP}
FOUND_MEASURES = {"recall@10": R @ 10, "mrr@10": RR @ 10}
FEWEST_PAIRS = 5  # a rank correlation of fewer says nothing

Array = np.ndarray


def best_by_owner(scores: Array, owners: Sequence[str]) -> tuple[Array, list[str]]:
    """Return the best score of each owner, (queries, owners), and the owners, sorted.

    scores: (queries, documents); owners: whose each document is.
    """
    order = np.argsort(np.asarray(owners), kind="stable")
    names, starts = np.unique(np.asarray(owners)[order], return_index=True)
    return np.maximum.reduceat(scores[:, order], starts, axis=1), names.tolist()


def per_query(
    scores: Array, documents: Sequence[str], relevant: Sequence[Sequence[str]]
) -> dict[str, Array]:
    """Return each measure's value of each query, (queries,).

    scores: (queries, documents); relevant: for each query the documents that answer it.
    Ties are broken against the model: of two equal scores the relevant document is second.
    """
    run: dict[str, dict[str, float]] = {}
    qrels: dict[str, dict[str, int]] = {}
    for at, (row, answers) in enumerate(zip(scores, relevant, strict=True)):
        qrels[f"{at}"] = dict.fromkeys(answers, 1)
        run[f"{at}"] = top(row, documents, set(answers))
    values = {name: np.zeros(len(relevant)) for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for found in iter_calc(list(names), qrels, run):
        values[names[found.measure]][int(found.query_id)] = found.value
    return values


def per_list(scores: Sequence[Array], gains: Sequence[Array]) -> dict[str, Array]:
    """Return each measure's value of each ranked list, (lists,).

    scores, gains: (sources,) for each list; a gain above 0 is relevant. Ties are broken against
    the model: of two equal scores the smaller gain is first.
    """
    run, qrels = {}, {}
    for at, (row, gain) in enumerate(zip(scores, gains, strict=True)):
        order = np.lexsort((gain, -row))
        run[f"{at}"] = {f"{it}": float(len(order) - rank) for rank, it in enumerate(order)}
        qrels[f"{at}"] = {f"{it}": int(value) for it, value in enumerate(gain)}
    values = {name: np.zeros(len(gains)) for name in LIST_MEASURES}
    names = {measure: name for name, measure in LIST_MEASURES.items()}
    for found in iter_calc(list(names), qrels, run):
        values[names[found.measure]][int(found.query_id)] = found.value
    return values


def of_rankings(
    rankings: Sequence[Sequence[str]], relevant: Sequence[Collection[str]]
) -> dict[str, Array]:
    """Return recall@10 and mrr@10 of each query, (queries,).

    rankings: for each query what was found, the best first; relevant: what answers it.
    """
    run = {
        f"{at}": {url: float(-rank) for rank, url in enumerate(ranking)}
        for at, ranking in enumerate(rankings)
    }
    qrels = {f"{at}": dict.fromkeys(answers, 1) for at, answers in enumerate(relevant)}
    values = {name: np.zeros(len(relevant)) for name in FOUND_MEASURES}
    names = {measure: name for name, measure in FOUND_MEASURES.items()}
    for found in iter_calc(list(names), qrels, run):
        values[names[found.measure]][int(found.query_id)] = found.value
    return values


def top(row: Array, documents: Sequence[str], answers: set[str]) -> dict[str, float]:
    """Return the best documents of one query with scores that have no ties left."""
    most = min(DEPTH, len(documents))
    cut = np.partition(row, -most)[-most]
    ahead = [int(at) for at in np.flatnonzero(row >= cut)]
    ahead.sort(key=lambda at: (-row[at], documents[at] in answers, documents[at]))
    return {documents[at]: float(most - rank) for rank, at in enumerate(ahead[:most])}


def spearman(scores: Array, labels: Array) -> float:
    """Return the rank correlation, or 0 where there are too few pairs or no differences."""
    if len(scores) < FEWEST_PAIRS or np.ptp(scores) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(spearmanr(scores, labels).statistic)


def standard_error(values: Array) -> float:
    """Return the standard error of the mean of shares, or of their differences, (queries,).

    Of one query it is 1, the most that a share can be wrong.
    """
    return float(sem(values)) if len(values) > 1 else 1.0


def random_cosine(vectors: Array, pairs: int = 2000) -> float:
    """Return the mean cosine of random pairs of unit vectors, (texts, dimensions).

    It rises to 1 when a model collapses. The pairs are the same for the same number of texts.
    """
    rng = np.random.default_rng(0)
    one, two = rng.integers(len(vectors), size=(2, pairs))
    apart = one != two
    return float((vectors[one[apart]] * vectors[two[apart]]).sum(axis=1).mean())

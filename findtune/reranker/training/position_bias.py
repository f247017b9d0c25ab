"""Estimating position bias from a log: eta of the position-based model in `model/examination.py`.

gamma, how attractive a document is, is a logistic regression on features that do not depend on the
rank, as in regression-EM (Wang et al., WSDM 2018). theta has one parameter, so the likelihood is
maximized directly, without EM.

A good engine shows relevant documents first, so picks fall with the rank even where users read
everything. Four things keep the model from mistaking that for a bias:

- If enough lists have grades, only those lists are used, and the grades are features.
- Without grades, the rank itself is a feature of gamma: its logarithm and its normal score, which
  is the expected relevance of the k-th of n documents if the engine's scores are noisy measures of
  relevance. What remains for eta to explain shows only in large logs or through the next point.
- A document that one query showed at several ranks, in several lists, has its own intercept and
  its mean rank in gamma: only theta can then explain why it was picked here and not there (as in
  intervention harvesting, Agarwal et al., WSDM 2019).
- eta stays 0 without clear evidence, or if it would correct next to nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, ndtri

from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.reranker.model.examination import NO_BIAS, Examination, display_ranks
from findtune.reranker.model.ranked_lists import grades_of, picked

MIN_GRADED_LISTS = 50  # with fewer, all lists are used, without their grades
MIN_BIC_DIFFERENCE = 10.0  # "very strong" evidence (Kass & Raftery 1995)
MIN_ETA = 0.2  # relevance that coarse grades miss looks like an eta of up to 0.15
MAX_ETA = 3.0  # rank 2 would be examined an eighth as often as rank 1
START_ETAS = (0.0, 1.0)  # the likelihood may have two maxima
L2_PENALTY = 1.0  # a normal prior on intercepts and on weights of standardized features
MIN_PROBABILITY = 1e-12
DECIMALS = 4  # saved; further ones depend on how a processor rounds

Array = np.ndarray


@dataclass(frozen=True)
class PickLog:
    """All documents of a log, one after the other.

    log_ranks, picks: (documents,); features: (documents, features), the first column ones, the
    last two those of `rank_columns`; repeated: a number for each document that was shown at several
    ranks, -1 for the others, (documents,); starts: where each list starts, (lists,).
    """

    log_ranks: Array
    picks: Array
    features: Array
    repeated: Array
    starts: Array

    @property
    def intercepts(self) -> int:
        """How many documents were shown at several ranks."""
        return int(self.repeated.max(initial=-1)) + 1


def estimate_examination(lists: Sequence[Record], features: Sequence[Array]) -> Examination:
    """Return the examination that fits the lists as users saw them.

    features: signs of each document's relevance that don't depend on its rank, (documents,
    features) for each list. Lists without a pick are left out, since logs seldom keep them; the
    likelihood is conditional on a list having a pick.
    """
    rows = [row for row, ranked_list in enumerate(lists) if picked(ranked_list).any()]
    with_grades = [row for row in rows if grades_of(lists[row]).any()]
    graded = len(with_grades) >= MIN_GRADED_LISTS
    rows = with_grades if graded else rows
    if not rows:
        return NO_BIAS
    log = pick_log([lists[row] for row in rows], [features[row] for row in rows], graded=graded)
    _, unbiased = maximize_likelihood(log, eta_bounds=(0.0, 0.0))
    fitted_eta, biased = maximize_likelihood(log, eta_bounds=(0.0, MAX_ETA))
    bic_difference = float(2 * (unbiased - biased) - np.log(len(log.picks)))
    is_clear = bic_difference > MIN_BIC_DIFFERENCE and fitted_eta > MIN_ETA
    return Examination(
        eta=round(fitted_eta, DECIMALS) if is_clear else 0.0,
        fitted_eta=round(fitted_eta, DECIMALS),
        bic_difference=round(bic_difference, DECIMALS),
        lists=len(rows),
        graded=graded,
        repeated=log.intercepts,
    )


def describe(examination: Examination) -> str:
    """Return an examination as one line of text."""
    source = "grades" if examination.graded else "features"
    evidence = (
        f"{examination.lists} lists, relevance by {source}, BIC difference "
        f"{examination.bic_difference:.1f}"
    )
    if examination.eta:
        return f"position bias: rank k is examined with k^-{examination.eta:.2f} ({evidence})"
    if examination.bic_difference > MIN_BIC_DIFFERENCE:
        small = f"k^-{examination.fitted_eta:.2f}"
        return f"position bias is too small to correct, {small}: picks count as logged ({evidence})"
    return f"no sign of position bias: picks count as logged ({evidence})"


def pick_log(lists: Sequence[Record], features: Sequence[Array], *, graded: bool) -> PickLog:
    """Return lists as one log, with features standardized over it.

    graded: whether grades replace the rank in gamma.
    """
    ranks = [display_ranks(ranked_list) for ranked_list in lists]
    repeated = repeated_documents(lists, ranks)
    levels = sorted({int(grade) for row in lists for grade in grades_of(row) if grade > 0})
    columns = [
        np.column_stack([part, within_list(part), *grade_columns(row, levels if graded else [])])
        for part, row in zip(features, lists, strict=True)
    ]
    by_rank = (1 - graded) * rank_columns(ranks, repeated)
    return PickLog(
        log_ranks=np.log(np.concatenate(ranks)),
        picks=np.concatenate([picked(row) for row in lists]).astype(np.float64),
        features=standardize(np.column_stack([np.vstack(columns), by_rank])),
        repeated=repeated,
        starts=np.cumsum([0, *map(len, ranks[:-1])]),
    )


def within_list(features: Array) -> Array:
    """Return a list's features, standardized within the list, (documents, features)."""
    spread = features.std(axis=0)
    standardized: Array = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return standardized


def standardize(columns: Array) -> Array:
    """Return a column of ones, and the columns standardized over all documents."""
    return np.column_stack([np.ones(len(columns)), within_list(columns)])


def grade_columns(ranked_list: Record, levels: Sequence[int]) -> list[Array]:
    """Return the features from a list's grades, (documents,) each; none without levels.

    They are whether a document's grade reaches each level, whether it has a grade, and how many
    documents of the list have a higher one: a user may stop after picking a list's three best
    documents without any position bias.
    """
    if not levels:
        return []
    grades, qrels = grades_of(ranked_list), ranked_list["qrels"]
    judged = [document["url"] in qrels for document in ranked_list["documents"]]
    better = (grades[:, None] < grades[None, :]).sum(axis=1)
    reached = [(grades >= level).astype(float) for level in levels]
    return [*reached, np.array(judged, dtype=float), np.log1p(better), (better < 3).astype(float)]


def repeated_documents(lists: Sequence[Record], ranks: Sequence[Array]) -> Array:
    """Return a number for each document that one query showed at several ranks, -1 for others.

    The result is (documents,), over all lists; a document has the same number in all of them.
    """
    keys = [
        (normalize(ranked_list["query"]), document["url"])
        for ranked_list in lists
        for document in ranked_list["documents"]
    ]
    by_key: dict[tuple[str, str], set[int]] = defaultdict(set)
    for key, rank in zip(keys, np.concatenate(ranks).tolist(), strict=True):
        by_key[key].add(rank)
    several = [key for key, different in by_key.items() if len(different) > 1]
    numbers = {key: number for number, key in enumerate(several)}
    return np.array([numbers.get(key, -1) for key in keys])


def rank_columns(ranks: Sequence[Array], repeated: Array) -> Array:
    """Return the features from the engine's order, higher for earlier ranks, (documents, 2).

    They are minus the logarithm of the rank, and its normal score. A repeated document has the mean
    over its ranks.
    """
    columns = -np.log(np.concatenate(ranks)), np.concatenate([*map(normal_scores, ranks)])
    return np.column_stack([mean_by_document(column, repeated) for column in columns])


def mean_by_document(values: Array, repeated: Array) -> Array:
    """Return values with those of each repeated document replaced by their mean, (documents,)."""
    rows = repeated >= 0
    sums, counts = np.bincount(repeated[rows], values[rows]), np.bincount(repeated[rows])
    means = values.copy()
    means[rows] = (sums / np.maximum(counts, 1))[repeated[rows]]
    return means


def normal_scores(ranks: Array) -> Array:
    """Return the expected normal order statistic of each rank (Blom 1958); the first is highest."""
    n = len(ranks)
    order = np.argsort(np.argsort(ranks))
    scores: Array = -ndtri((order + 1 - 0.375) / (n + 0.25))
    return scores


def maximize_likelihood(log: PickLog, eta_bounds: tuple[float, float]) -> tuple[float, float]:
    """Return the best eta and its penalized negative log likelihood."""
    width = log.features.shape[1]
    weight_bounds = [(None, None)] * (width - 2) + [(0, None)] * 2
    bounds = [eta_bounds, *weight_bounds] + [(None, None)] * log.intercepts
    best = (0.0, np.inf)
    for eta in START_ETAS:
        start = np.zeros(len(bounds))
        start[0] = np.clip(eta, *eta_bounds)
        result = minimize(
            negative_log_likelihood,
            start,
            args=(log,),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
        )
        if result.fun < best[1]:
            best = (float(result.x[0]), float(result.fun))
    return best


def negative_log_likelihood(parameters: Array, log: PickLog) -> tuple[float, Array]:
    """Return the penalized negative log likelihood and its gradient.

    parameters: eta, the weights of the features, and the intercepts of repeated documents.
    """
    width = log.features.shape[1]
    eta, weights, intercepts = np.split(parameters, [1, 1 + width])
    logits = log.features @ weights + np.append(intercepts, 0.0)[log.repeated]
    log_p = np.minimum(-eta * log.log_ranks + log_expit(logits), -MIN_PROBABILITY)
    value, slope = pick_likelihood(log_p, log)
    by_logit = -slope * expit(-logits)
    by_intercept = np.bincount(log.repeated + 1, by_logit, minlength=log.intercepts + 1)[1:]
    gradient = np.concatenate([[slope @ log.log_ranks], by_logit @ log.features, by_intercept])
    # eta and the common intercept have no penalty
    penalty = L2_PENALTY * parameters
    penalty[:2] = 0
    return value + float(penalty @ parameters) / 2, gradient + penalty


def pick_likelihood(log_p: Array, log: PickLog) -> tuple[float, Array]:
    """Return the picks' negative log likelihood, and the gradient of the log likelihood by log_p.

    log_p: the log probability that each document is picked, (documents,). The likelihood is
    conditional on every list having a pick.
    """
    p = np.exp(log_p)
    log_q = np.log1p(-p)
    none = np.add.reduceat(log_q, log.starts)  # log P(no pick)
    any_pick = np.log(-np.expm1(none))
    value = -(log.picks @ log_p + (1 - log.picks) @ log_q - any_pick.sum())
    odds = p / (1 - p)
    sizes = np.diff([*log.starts, len(p)])
    ratio = np.repeat(np.exp(none - any_pick), sizes)
    return float(value), log.picks - (1 - log.picks) * odds - ratio * odds

"""Candidates: lists as a search finds them, to fit the weights with which a search reranks.

Users saw what an engine had already selected. A search of one's own finds other documents, most of
them irrelevant, so the features deserve other weights there: similarity to the rest of a list, for
example, says much about a selected list and little about a found one.

The untuned retriever searches the documents of the lists. A found document that nobody graded or
picked for the query counts as irrelevant.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from findtune.core.records import Record
from findtune.core.text import hash_fraction
from findtune.reranker.model.ranked_lists import corrected_picks, decisive_gains, measure_lists
from findtune.reranker.training.feature_weights import (
    DECIMALS,
    DECISIVE,
    UNTUNED,
    Ranking,
    select_ranking,
    single_feature,
)
from findtune.reranker.training.recipe import Recipe
from findtune.retrieval.nearest import ExactNeighbours

AS_FOUND = "as_found"  # the ranking that keeps the order of the search
MAX_QUERIES = 1000  # of train, and of dev; a few weights need no more

Array = np.ndarray


class Asked(NamedTuple):
    """A query of one or more lists, and its documents that people graded or picked.

    gains: URL -> the grade if any grade is above 0, else the pick's inverse propensity. group: that
    of its lists.
    """

    query: str
    group: str
    gains: Mapping[str, float]


def asked_queries(lists: Iterable[Record], eta: float) -> list[Asked]:
    """Return at most MAX_QUERIES queries, those with the smallest hashes; eta: position bias."""
    queries: dict[str, Asked] = {}
    for ranked_list in lists:
        query, gains = ranked_list["query"], gains_by_url(ranked_list, eta)
        known = queries.setdefault(query, Asked(query, ranked_list["group"], {}))
        largest = {url: max(gain, known.gains.get(url, 0)) for url, gain in gains.items()}
        queries[query] = known._replace(gains={**known.gains, **largest})
    return sorted(queries.values(), key=lambda asked: hash_fraction(asked.query))[:MAX_QUERIES]


def gains_by_url(ranked_list: Record, eta: float) -> dict[str, float]:
    """Return the gains of a list's query; people may have graded documents of other lists, too."""
    if any(grade > 0 for grade in ranked_list["qrels"].values()):
        return dict(ranked_list["qrels"])
    urls = (document["url"] for document in ranked_list["documents"])
    return dict(zip(urls, corrected_picks(ranked_list, eta).tolist(), strict=True))


class DocumentSearch:
    """Searches the documents of some lists; vectors: text -> unit vector, from the retriever."""

    def __init__(self, lists: Sequence[Record], vectors: Mapping[str, Array]) -> None:
        documents: dict[str, Record] = {}
        for ranked_list in lists:
            for document in ranked_list["documents"]:
                if document["shown"]:
                    documents.setdefault(document["url"], document)
        self.documents = [*documents.values()]
        found = np.array([vectors[document["text"]] for document in self.documents])
        self.neighbours, self.vectors = ExactNeighbours(found), vectors

    def find(self, query: str, number: int) -> list[Record]:
        """Return the documents most similar to a query, best first, without rank or score."""
        [rows] = self.neighbours.nearest(self.vectors[query][np.newaxis], number)
        found = [self.documents[row] for row in rows]
        return [{key: document[key] for key in ("url", "title", "text")} for document in found]


def candidate_lists(queries: Iterable[Asked], search: DocumentSearch, number: int) -> list[Record]:
    """Return what a search finds for each query, unless all or none of it is relevant.

    number: of candidates. A candidate list has `query`, `group`, `documents`, the gains as `qrels`,
    and as `picks` the URLs of the relevant documents.
    """
    rows = []
    for query, group, gains in queries:
        found = search.find(query, number)
        qrels = {document["url"]: gains.get(document["url"], 0) for document in found}
        picks = [url for url, gain in qrels.items() if gain > 0]
        if 0 < len(picks) < len(found):
            row = {"query": query, "group": group, "documents": found}
            rows.append(row | {"qrels": qrels, "picks": picks})
    return rows


def rank_candidates(
    lists: Sequence[Record], features: Sequence[Array], recipe: Recipe
) -> list[Ranking]:
    """Return the rankings of candidates by features, and AS_FOUND, best first.

    With fewer groups than folds only AS_FOUND is left, with no measures.
    """
    # candidates have no rank, so this weight changes nothing
    weights = single_feature(UNTUNED["as_shown"], recipe.temperature)
    if len({row["group"] for row in lists}) < recipe.retriever.folds:
        return [Ranking(AS_FOUND, weights, np.zeros(0))]
    in_order = [-np.arange(len(row["documents"]), dtype=float) for row in lists]
    ndcg = measure_lists(in_order, [decisive_gains(row) for row in lists])[DECISIVE]
    others = select_ranking(
        lists, features, folds=recipe.retriever.folds, temperature=recipe.temperature
    )
    rankings = [Ranking(AS_FOUND, weights, ndcg), *others]
    return sorted(
        (ranking for ranking in rankings if ranking.name != "as_shown"),
        key=lambda ranking: -ranking.ndcg.mean().round(DECIMALS),
    )

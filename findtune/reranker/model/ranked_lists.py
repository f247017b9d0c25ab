"""The parts of a ranked list: a record with `query` and `documents`, each with text and title."""

from collections.abc import Sequence

import numpy as np

from findtune.core.records import Record
from findtune.reranker.model.examination import corrected
from findtune.retrieval.metrics import evaluate, qrels_from_gains, run_from_scores

LIST_MEASURES = ("ndcg@3", "ndcg@10", "mrr@10", "map")

Array = np.ndarray


def document_texts(ranked_list: Record) -> list[str]:
    """Return the text of each document."""
    return [document["text"] for document in ranked_list["documents"]]


def document_titles(ranked_list: Record) -> list[str]:
    """Return the title of each document, or its text where it has no title."""
    return [document["title"] or document["text"] for document in ranked_list["documents"]]


def picked(ranked_list: Record) -> Array:
    """Return 1 for each picked document, else 0, (documents,)."""
    picks = ranked_list["picks"]
    return np.array([int(document["url"] in picks) for document in ranked_list["documents"]])


def measure_lists(scores: Sequence[Array], gains: Sequence[Array]) -> dict[str, Array]:
    """Return each measure's value for each list, (lists,).

    scores, gains: (documents,) for each list; a gain above 0 is relevant.
    """
    return evaluate(qrels_from_gains(gains), run_from_scores(scores, gains), LIST_MEASURES)


def without_random_negatives(lists: Sequence[Record]) -> list[Record]:
    """Return lists without their random negatives, with only the documents that users saw."""
    return [
        ranked_list
        | {"documents": [document for document in ranked_list["documents"] if document["shown"]]}
        for ranked_list in lists
    ]


def gains_of(ranked_list: Record) -> Array:
    """Return the gain of each document of a list, (documents,)."""
    return np.array([document["gain"] for document in ranked_list["documents"]])


def grades_of(ranked_list: Record) -> Array:
    """Return the grade of each document of a list, (documents,); 0 where there is no judgment."""
    qrels = ranked_list["qrels"]
    return np.array([qrels.get(document["url"], 0) for document in ranked_list["documents"]])


def corrected_picks(ranked_list: Record, eta: float) -> Array:
    """Return each pick's inverse propensity, 0 for the other documents, (documents,).

    eta: the position bias; if it is 0, every pick counts 1.
    """
    return corrected(picked(ranked_list), ranked_list, eta)


def decisive_gains(ranked_list: Record, eta: float = 0.0) -> Array:
    """Return the gains that decide, (documents,): grades if any is above 0, else corrected picks.

    eta: the position bias for which picks are corrected.
    """
    grades = grades_of(ranked_list)
    return grades if grades.any() else corrected_picks(ranked_list, eta)


def learned_gains(ranked_list: Record, eta: float = 0.0) -> Array:
    """Return the gains that a retriever learns, (documents,): those of grades and picks together.

    Grades say which documents are relevant, picks which of them people chose. In a list with both,
    grades and picks have the same total, and a pick with grade 0 is not learned. Without a grade
    above 0, picks alone are learned. eta: the position bias for which picks are corrected.
    """
    grades, picks = grades_of(ranked_list), corrected_picks(ranked_list, eta)
    if not grades.any():
        return picks
    picks = picks * ~refuted(ranked_list)
    gains: Array = grades / grades.sum() + picks / max(picks.sum(), 1)
    return gains


def refuted(ranked_list: Record) -> Array:
    """Return whether people graded each document 0, (documents,)."""
    qrels = ranked_list["qrels"]
    return np.array([qrels.get(document["url"]) == 0 for document in ranked_list["documents"]])

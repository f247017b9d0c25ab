"""Which unanswered questions would teach most: those on which the models disagree.

Source: query by committee (Seung, Opper & Sompolinsky, COLT 1992), with the parts of the pipeline
as the committee.
"""

import unicodedata
from collections.abc import Sequence
from itertools import combinations

from findtune.traffic.reader import Traffic
from findtune.traffic.records import SearchRecord, ShownSource


def rewriter_disagreement(search: SearchRecord) -> float:
    """Return the share of the shown sources that the original question did not find, in [0, 1]."""
    missed = [source for source in search.sources if search.question not in source.found_by]
    return len(missed) / max(len(search.sources), 1)


def reranker_disagreement(sources: Sequence[ShownSource]) -> float:
    """Return the share of pairs whose order the reranker reversed, in [0, 1]; 0 without pairs.

    A shuffle of the shown sources is not counted. Source: normalized Kendall tau distance.
    """
    ranks = [
        (source.unshuffled_rank or source.rank, source.retrieved_rank)
        for source in sources
        if source.retrieved_rank is not None
    ]
    pairs = list(combinations(sorted(ranks), 2))
    turned = sum(first[1] > second[1] for first, second in pairs)
    return turned / max(len(pairs), 1)


def disagreement(search: SearchRecord) -> float:
    """Return how far rewriter, retriever and reranker disagree on a search, in [0, 1]."""
    return (rewriter_disagreement(search) + reranker_disagreement(search.sources)) / 2


def as_key(question: str) -> str:
    """Return a question without differences of case, spacing and Unicode composition."""
    return " ".join(unicodedata.normalize("NFC", question).casefold().split())


def most_instructive(traffic: Traffic, count: int) -> list[tuple[SearchRecord, float]]:
    """Return the searches to ask people about, with their disagreement, the largest first.

    Each question appears once, with its latest search, and not at all if someone answered it.
    """
    answered = {as_key(row.question) for row in traffic.searches if row.id in traffic.answers}
    waiting = {as_key(row.question): row for row in traffic.searches if row.sources}
    scored = [(row, disagreement(row)) for key, row in waiting.items() if key not in answered]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].question))[:count]

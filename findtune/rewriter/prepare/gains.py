"""What share of a user's picks each logged search found."""

from collections.abc import Sequence

from findtune.core.records import Record
from findtune.core.text import normalize

Better = tuple[str, float]  # a search that found more than the question, and its margin


def better_searches(record: Record, gains: Sequence[float]) -> list[Better]:
    """Return the searches that found more than the question, with their margins, best first.

    Of equal margins, the query with fewer words comes first, then the earlier one. A question that
    was never searched counts as having found nothing.
    """
    shares = shares_of_gain(record, gains)
    queries = [search["query"] for search in record["searches"]]
    asked, question = record["query"], as_searched(record["query"])
    is_question = [query == asked or as_searched(query) == question for query in queries]
    question_share = max(
        (share for share, same in zip(shares, is_question, strict=True) if same), default=0.0
    )
    better = [
        (query, share - question_share)
        for query, share, same in zip(queries, shares, is_question, strict=True)
        if share > question_share and not same
    ]
    return sorted(better, key=lambda pair: (-pair[1], len(pair[0].split())))


def shares_of_gain(record: Record, gains: Sequence[float]) -> list[float]:
    """Return the share of the picks' total gain that each search of a record found.

    gains: of the first pick, the second, and so on; later picks have the last gain.
    """
    last = len(gains) - 1
    by_url = {url: gains[min(rank, last)] for rank, url in enumerate(record["selected"])}
    total = sum(by_url.values())
    # Rounded, so that the order of summation makes no difference.
    return [
        round(sum(by_url.get(source["url"], 0) for source in search["sources"]) / total, 9)
        for search in record["searches"]
    ]


def as_searched(query: str) -> str:
    """Return a query without the differences that a search ignores."""
    return normalize(query) or query

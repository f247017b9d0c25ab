"""Ranked lists: the documents that one query showed, in order, and those that the user picked.

Read from data/training_data/reranker_training_data*.json, key reranker_data.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from findtune.core.records import Record
from findtune.core.text import near_duplicate_key
from findtune.ingest.documents import (
    Document,
    DocumentsByUrl,
    clean_documents,
    clean_text,
    clean_urls,
    drop_unknown_urls,
    shorten_documents,
    url_as_written,
)
from findtune.ingest.fields import (
    clean_history,
    clean_query,
    clean_topic,
    optional_list,
    origin_fields,
    require_pick,
)
from findtune.ingest.report import RecordError, RecordReport

MAX_RANK = 1_000_000
MAX_SCORE = 1e300

# Texts of a log seldom come back, so the cache of near_duplicate_key would only fill the memory.
uncached_key = near_duplicate_key.__wrapped__


def clean_ranked_list(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean record, and the identity that duplicates share. Raises RecordError."""
    query = clean_query(record.get("query"), "query", report)
    shown = clean_documents(record.get("all_sources"), "all_sources", report)
    if not shown:
        reason = "no document was shown, or none that is left"
        remedy = "leave out such records"
        raise RecordError("all_sources", "", reason=reason, remedy=remedy)
    display = display_fields(record["all_sources"], shown, report)
    shown = dict(sorted(shown.items(), key=lambda entry: display[entry[0]]["rank"]))
    picks, refused = read_choices(record, shown, report)
    require_choice(shown, picks)
    shown = shorten_documents(shown, set(picks), field="all_sources", report=report)
    refused = [url for url in refused if url in shown]
    flag_refused_duplicates(shown, picks=picks, refused=refused, report=report)
    report.count_documents(shown.values(), picks=len(picks), refused=len(refused))
    sources = [{**document, **display[url]} for url, document in shown.items()]
    clean = {"query": query, "sources": sources, "picks": picks, "refused": refused}
    session = {"history": clean_history(record, report), "topic": clean_topic(record, report)}
    origin = origin_fields(record, report)
    return {**clean, **session, **origin}, [query, [*shown], picks, origin["timestamp"]]


def display_fields(
    items: Sequence[object], shown: DocumentsByUrl, report: RecordReport
) -> dict[str, Record]:
    """Return how each document was shown, by URL: its rank, its score and its query_used.

    A duplicate keeps the first rank. A bad score or query_used is reported and left empty.
    """
    ranks = display_ranks(items)
    fields: dict[str, Record] = {}
    for index in sorted(range(len(items)), key=ranks.__getitem__):
        url = url_as_written(items[index])
        if url not in shown or url in fields:
            continue
        item = items[index]
        source = item if isinstance(item, dict) else {}
        fields[url] = {
            "rank": ranks[index],
            "score": clean_score(source.get("score"), f"all_sources[{index}].score", report),
            "query_used": clean_query_used(source, f"all_sources[{index}].query_used", report),
        }
    return fields


def display_ranks(items: Sequence[object]) -> list[int]:
    """Return the 1-based rank of each source: its own if all have distinct ones, else its place."""
    for name in ("rank", "position"):
        ranks = [item.get(name) if isinstance(item, dict) else None for item in items]
        whole = [rank for rank in ranks if type(rank) is int and 1 <= rank <= MAX_RANK]
        if len(set(whole)) == len(items):
            return whole
    return [*range(1, len(items) + 1)]


def clean_score(value: object, field: str, report: RecordReport) -> float | None:
    """Return the engine's own score; one that is no finite number is reported and left out."""
    if value is None:
        return None
    # type() leaves out booleans; the limit leaves out NaN, infinity and what no float can hold
    if type(value) in (int, float) and isinstance(value, (int, float)) and abs(value) <= MAX_SCORE:
        return float(value)
    remedy = "write the engine's score as a number, or leave it out"
    report.flag(RecordError(field, value, reason="not a finite number", remedy=remedy))
    return None


def clean_query_used(source: Mapping[str, Any], field: str, report: RecordReport) -> str:
    """Return the query that found a source; one that is no text is reported and left empty."""
    try:
        return clean_text(source.get("query_used"), field, report)
    except RecordError as error:
        report.flag(error)
        return ""


def read_choices(
    record: Mapping[str, Any], shown: DocumentsByUrl, report: RecordReport
) -> tuple[list[str], list[str]]:
    """Return the URLs that were picked and those that were refused.

    Documents that are both are removed from what was shown.
    """
    picks = clean_urls(record.get("positive_sources"), "positive_sources", report)
    refused = clean_urls(optional_list(record, "negative_sources"), "negative_sources", report)
    contradictions = set(picks) & set(refused)
    for url in [url for url in picks if url in contradictions]:
        reason = "a URL both picked and refused, so its document is left out"
        remedy = "write it in only one of the two lists"
        report.drop(RecordError("positive_sources", url, reason=reason, remedy=remedy))
        shown.pop(url, None)
    picks = [url for url in picks if url not in contradictions]
    refused = [url for url in refused if url not in contradictions]
    return (
        drop_unknown_urls(picks, shown.keys(), field="positive_sources", report=report),
        drop_unknown_urls(refused, shown.keys(), field="negative_sources", report=report),
    )


def require_choice(shown: DocumentsByUrl, picks: list[str]) -> None:
    """Raise RecordError for a list in which nothing or everything was picked."""
    require_pick(picks, "positive_sources")
    if set(shown) <= set(picks):
        reason = "every document that was shown was picked, so there is nothing to rank against"
        remedy = "log the documents that were not picked too"
        raise RecordError("all_sources", "", reason=reason, remedy=remedy)


def flag_refused_duplicates(
    shown: DocumentsByUrl, *, picks: Iterable[str], refused: Iterable[str], report: RecordReport
) -> None:
    """Report each refused document that has nearly the same text as a picked one."""
    picked_keys = {document_key(shown[url]) for url in picks} - {""}
    for url in refused:
        if document_key(shown[url]) in picked_keys:
            reason = "a refused document with nearly the same text as a picked one"
            remedy = "refuse it only if it is worse all the same"
            report.flag(RecordError("negative_sources", url, reason=reason, remedy=remedy))


def document_key(document: Document) -> str:
    """Return a key that documents with nearly the same text share."""
    return uncached_key(f"{document['title']} {document['snippet']}")

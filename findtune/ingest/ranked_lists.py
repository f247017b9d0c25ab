"""Ranked lists: reads the documents shown for a query, in order, and which ones the user picked.

Read from data/training_data/reranker_training_data*.json, key reranker_data.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from findtune.core.records import Record
from findtune.core.text import key_piece
from findtune.ingest.documents import (
    WRITE_DOCUMENTS,
    DocumentsByUrl,
    clean_documents,
    clean_text,
    clean_urls,
    drop_unknown_urls,
    is_usual_text,
    shorten_documents,
    url_as_written,
    urls_as_written,
)
from findtune.ingest.fields import (
    clean_history,
    clean_topic,
    identity_fields,
    optional_list,
    origin_fields,
    require_pick,
    required_query,
)
from findtune.ingest.missing_fields import missing_in_record
from findtune.ingest.picks_elsewhere import names_choice
from findtune.ingest.record_ids import PLAIN_FIELDS, asker_fields, plain_name
from findtune.ingest.report import (
    FileReportRow,
    NothingToLearnError,
    RecordError,
    RecordReport,
    remark,
)
from findtune.ingest.search_forms import listed_documents, unknown_list
from findtune.ingest.wordings import copy_key
from findtune.ingest.written_lists import read_list

# How a source was shown: plain names and usual ones.
DISPLAY = {plain_name(name): name for name in ("rank", "position", "score", "query_used")}
USUAL_KEYS = frozenset({"url", "title", "snippet", "text", "id", *DISPLAY.values()})
MAX_RANK = 1_000_000
MAX_SCORE = 1e300
MIN_SHARE = 0.3  # of the starts of words; far below what two texts with equal stems share
MIN_LISTS = 20  # fewer say nothing about their order
MIN_PICKS_FIRST = 0.95  # share of lists that no log of free choices reaches


def clean_ranked_list(record: Mapping[str, Any], report: RecordReport) -> tuple[Record, object]:
    """Return the clean record, and the identity that duplicates share. Raises RecordError."""
    query = required_query(record, record.get("query"), "query", report)
    items = listed_sources(record)
    shown = clean_documents(items, "all_sources", report)
    if not shown:
        cause = report.cause("all_sources")
        reason = "no document was shown, or none that is left"
        reason = f"{reason}: {cause.reason}" if cause else reason
        remedy = cause.remedy if cause else "leave out such records"
        raise RecordError("all_sources", "", reason=reason, remedy=remedy)
    display = display_fields(items if isinstance(items, list) else [*shown], shown, report)
    shown = dict(sorted(shown.items(), key=lambda entry: display[entry[0]]["rank"]))
    picks, refused = read_choices(record, shown, report)
    require_pick(picks, record, "positive_sources", shown=shown, report=report)
    tally_order(shown, picks, report)
    drop_copies(shown, picks=picks, report=report)
    require_others(shown, picks)
    shown = shorten_documents(shown, set(picks), field="all_sources", report=report)
    refused = [url for url in refused if url in shown]
    report.count_documents(shown.values(), picks=len(picks), refused=len(refused))
    sources = [{**document, **display[url]} for url, document in shown.items()]
    clean = {"query": query, "sources": sources, "picks": picks, "refused": refused}
    session = {"history": clean_history(record, report), "topic": clean_topic(record, report)}
    session |= asker_fields(record)
    origin = origin_fields(record, report)
    identity = identity_fields(record, origin["timestamp"])
    return {**clean, **session, **origin}, [query, [*shown], picks, *identity]


def listed_sources(record: Mapping[str, Any]) -> object:
    """Return the list of sources of a record, which may be in an object, such as hits.

    Raises RecordError if there is none, and names the key of another list of documents.
    """
    value = record.get("all_sources")
    value = read_list(value) if isinstance(value, str) else value
    items = listed_documents(value)
    if items:
        return items
    others = {key: record[key] for key in record if may_be_sources(key)}
    if key := unknown_list(others):
        reason = f"missing or empty, but a list of documents is under the key {ascii(key)}"
        remedy = "call it all_sources, if it is what was shown"
        raise RecordError("all_sources", "", reason=reason, remedy=remedy)
    if value is None:
        raise missing_in_record(record, "all_sources", "a list of documents", WRITE_DOCUMENTS)
    return items or []


def may_be_sources(key: str) -> bool:
    """Return whether a key is that of no other field, and not of picks."""
    return plain_name(key) not in PLAIN_FIELDS and not names_choice(key)


def display_fields(
    items: Sequence[object], shown: DocumentsByUrl, report: RecordReport
) -> dict[str, Record]:
    """Return how each document was shown, by URL: its rank, its score and its query_used.

    A duplicate keeps the first rank. A bad score or query_used is reported and left empty.
    """
    sources = [*map(with_display_names, items)]
    ranks = display_ranks(sources)
    fields: dict[str, Record] = {}
    for index in sorted(range(len(items)), key=ranks.__getitem__):
        url = report.spell(url_as_written(items[index]))
        if url not in shown or url in fields:
            continue
        source = sources[index]
        fields[url] = {
            "rank": ranks[index],
            "score": clean_score(source.get("score"), index, report),
            "query_used": clean_query_used(source.get("query_used"), index, report),
        }
    return fields


def with_display_names(item: object) -> Mapping[str, Any]:
    """Return a source whose fields of its display have the usual names: Rank is rank."""
    if not isinstance(item, dict):
        return {}
    if USUAL_KEYS.issuperset(item):  # as in most logs
        return item
    others = {
        name: value
        for key, value in item.items()
        if (name := DISPLAY.get(plain_name(key))) and name not in item
    }
    return {**item, **others} if others else item


def display_ranks(sources: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the 1-based rank of each source: its own if all have distinct ones, else its place."""
    for name in ("rank", "position"):
        if name not in sources[0]:  # as in most logs
            continue
        ranks = [whole_rank(source.get(name)) for source in sources]
        whole = [rank for rank in ranks if rank is not None]
        if whole and len(set(whole)) == len(sources):
            return whole if min(whole) else [rank + 1 for rank in whole]
    return [*range(1, len(sources) + 1)]


def whole_rank(value: object) -> int | None:
    """Return a rank from 0 on as a number, also if written as "3" or 3.0; else None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and len(value) < len(str(MAX_RANK)) and value.strip().isdecimal():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_RANK else None


def clean_score(value: object, index: int, report: RecordReport) -> float | None:
    """Return the engine's own score; one that is no finite number is reported and left out."""
    if value is None:
        return None
    # type() leaves out booleans; the limit leaves out NaN, infinity and what no float can hold
    if type(value) in (int, float) and isinstance(value, (int, float)) and abs(value) <= MAX_SCORE:
        return float(value)
    remedy = "write the engine's score as a number, or leave it out"
    field = f"all_sources[{index}].score"
    report.flag(RecordError(field, value, reason="not a finite number", remedy=remedy))
    return None


def clean_query_used(value: object, index: int, report: RecordReport) -> str:
    """Return the query that found a source; one that is no text is reported and left empty."""
    if is_usual_text(value, report.limits.max_text_chars):
        return value
    try:
        return clean_text(value, f"all_sources[{index}].query_used", report)
    except RecordError as error:
        report.flag(error)
        return ""


def read_choices(
    record: Mapping[str, Any], shown: DocumentsByUrl, report: RecordReport
) -> tuple[list[str], list[str]]:
    """Return the URLs that were picked and those that were refused.

    Documents that are both are removed from what was shown. A page that was shown twice,
    picked in one spelling and refused in the other, counts as picked.
    """
    picks = clean_urls(optional_list(record, "positive_sources"), "positive_sources", report)
    refused = clean_urls(optional_list(record, "negative_sources"), "negative_sources", report)
    contradictions = set(picks) & set(refused)
    contradictions -= shown_twice(contradictions, record, report)
    for url in [url for url in picks if url in contradictions]:
        reason = "a URL both picked and refused, so its document is left out"
        remedy = "write it in only one of the two lists"
        report.drop(RecordError("positive_sources", url, reason=reason, remedy=remedy))
        shown.pop(url, None)
    picks = [url for url in picks if url not in contradictions]
    refused = [url for url in refused if url not in contradictions.union(picks)]
    return (
        drop_unknown_urls(picks, shown.keys(), field="positive_sources", report=report),
        drop_unknown_urls(refused, shown.keys(), field="negative_sources", report=report),
    )


def shown_twice(urls: Collection[str], record: Mapping[str, Any], report: RecordReport) -> set[str]:
    """Return those URLs that were shown in two spellings, and picked in one of them."""
    if not urls:
        return set()
    picked, refused, shown = (
        urls_as_written(record.get(name))
        for name in ("positive_sources", "negative_sources", "all_sources")
    )
    spellings = Counter(map(report.spell, shown))
    alike = {*map(report.spell, picked & refused)}
    return {url for url in urls if spellings[url] > 1 and url not in alike}


def require_others(shown: DocumentsByUrl, picks: list[str]) -> None:
    """Raise NothingToLearnError for a list in which everything was picked."""
    if set(shown) <= set(picks):
        raise NothingToLearnError("all_sources", "records in which every document was picked")


def tally_order(shown: DocumentsByUrl, picks: list[str], report: RecordReport) -> None:
    """Count lists, and those in which the picks stand before all other documents."""
    report.tallies["lists"] += 1
    report.tallies["picks_first"] += set([*shown][: len(picks)]) == set(picks) < set(shown)
    report.tallies["picks_last"] += set([*shown][-len(picks) :]) == set(picks) < set(shown)


def drop_copies(shown: DocumentsByUrl, *, picks: Sequence[str], report: RecordReport) -> None:
    """Drop each unpicked document with nearly the text of a picked one: it is no negative.

    So a page at two addresses is not learned as good and bad at once. Where no other document
    would be left to rank against, the copies stay.
    """
    copies = find_copies(shown, picks)
    stay = len(copies) + len(picks) == len(shown)
    for url in copies:
        reason = "a document with nearly the same text as a picked one"
        remedy = "word the two differently; nothing can be learned from them"
        if not stay:
            remedy = "it is no negative; log a page once, or word the two differently"
            del shown[url]
        error = RecordError("all_sources", url, reason=reason, remedy=remedy)
        report.add("kept" if stay else "dropped", error)


def find_copies(shown: DocumentsByUrl, picks: Sequence[str]) -> list[str]:
    """Return the documents that were not picked and have nearly the text of a picked one."""
    texts = {url: f"{document['title']} {document['snippet']}" for url, document in shown.items()}
    picked = [(texts[pick], texts[pick].lower()) for pick in picks]
    copies = []
    for url in [url for url in shown if url not in picks]:
        piece = key_piece(texts[url].lower())
        others = [text for text, lower in picked if piece in lower or not lower.isascii()]
        if others and is_copy(texts[url], others):
            copies.append(url)
    return copies


def is_copy(text: str, others: Sequence[str]) -> bool:
    """Return whether a text is nearly the same as one of some others."""
    starts = word_starts(text)
    alike = [other for other in others if share(starts, word_starts(other)) >= MIN_SHARE]
    return bool(alike) and copy_key(text) in {*map(copy_key, alike)}


def word_starts(text: str) -> set[str]:
    """Return how the words of a text begin; of nearly equal texts most begin alike."""
    return {word[:4] for word in text.casefold().split()}


def share(first: set[str], second: set[str]) -> float:
    """Return the Jaccard similarity of two sets; 0 for two empty ones."""
    common = len(first & second)
    return common / max(1, len(first) + len(second) - common)


def conclude(tallies: Counter[str]) -> Iterator[FileReportRow]:
    """Yield what is odd about all lists together: picks that always stand first or last."""
    for name, cause in (
        ("first", "either users only look at the first, or the lists are sorted by pick"),
        ("last", "the lists are sorted by pick, or by rank in reverse"),
    ):
        lists, number = tallies["lists"], tallies[f"picks_{name}"]
        if lists >= MIN_LISTS and number >= MIN_PICKS_FIRST * lists:
            reason = f"in {number:,} of {lists:,} lists the picks stand {name}: {cause}"
            remedy = "write all_sources in the order shown; else a gain over it says nothing"
            yield remark(reason, remedy)

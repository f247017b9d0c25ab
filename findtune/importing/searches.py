"""Searches with clicks as records of feedback: ranked lists, and rewrites within a session.

A user who finds nothing asks again in other words. Consecutive searches of one session that are at
most 30 minutes apart and share a word stem count as one need, and the last clicks answer its first
question, too. Sources: Jansen, Spink, Blakely & Koshman (JASIST 2007) for the 30 minutes; Huang &
Efthimiadis (CIKM 2009) for shared words as the sign of a reformulation.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from findtune.core.records import Record
from findtune.core.text import content_stems, normalize
from findtune.importing.documents import Document, distinct
from findtune.importing.tally import Row, Tally
from findtune.importing.times import seconds
from findtune.ingest.wordings import query_key

MAX_PAUSE = 30 * 60  # seconds between two searches for the same need
MAX_HISTORY = 5  # earlier questions that a record keeps


@dataclass(frozen=True)
class Search:
    """One search: the question, the documents shown in order, and the picks, the best first.

    time: ISO 8601 in UTC, or ""; session: a pseudonym, or "". picks: URLs of documents shown.
    picked_by: the picks that each log entry gave, by a hash of its id, if entries may be edited.
    """

    id: str
    query: str
    time: str
    session: str
    shown: Sequence[Document]
    picks: Sequence[str]
    row: Row
    picked_by: Mapping[str, Sequence[str]] = field(default_factory=dict)


def ranked_lists(searches: Sequence[Search], tally: Tally) -> Iterator[Record]:
    """Yield a ranked list for each search that shows a choice."""
    history = earlier_questions(searches)
    for search in searches:
        if reason := why_unused(search):
            tally.skip_row(reason, search.row)
        else:
            yield ranked_list(search, history.get(search.id, []))


def why_unused(search: Search) -> str:
    """Return why a search teaches nothing; "" if it does."""
    if not normalize(search.query):
        return "searches without a question"
    if not search.shown:
        return "searches that name no source"
    if not search.picks:
        return "searches without a pick"
    everything = {document.url for document in search.shown} <= {*search.picks}
    return "searches in which everything shown was picked" if everything else ""


def ranked_list(search: Search, history: Sequence[str]) -> Record:
    """Return a search as a record of reranker_training_data."""
    record: Record = {
        "id": search.id,
        "query": search.query,
        "all_sources": sources(search.shown),
        "positive_sources": [*search.picks],
        "picked_by": {**search.picked_by},
        "timestamp": search.time,
        "session": search.session,
        "history": [*history],
    }
    return {name: value for name, value in record.items() if value}


def sources(shown: Iterable[Document]) -> list[Record]:
    """Return the documents that were shown, with ranks from 1."""
    return [
        {"rank": rank, **{name: text for name, text in document._asdict().items() if text}}
        for rank, document in enumerate(shown, start=1)
    ]


def rewriting_records(searches: Sequence[Search]) -> Iterator[Record]:
    """Yield a record of query_rewriting_training_data for each need asked in several wordings.

    Its question is the first one; its picks are those of all its searches, the last search first.
    """
    for chain in needs(searches):
        by_query: dict[str, list[Search]] = defaultdict(list)
        for search in chain:
            by_query[query_key(search.query)].append(search)
        picks = [url for search in reversed(chain) for url in search.picks]
        if len(by_query) < 2 or not picks:
            continue
        first = chain[0]
        mapping = {each[0].query: wording_entry(each) for each in by_query.values()}
        record: Record = {
            "id": first.id,
            "original_query": first.query,
            "selected_sources": [*dict.fromkeys(picks)],
            "picked_by": {key: urls for each in chain for key, urls in each.picked_by.items()},
            "query_source_mapping": mapping,
            "timestamp": first.time,
            "session": first.session,
        }
        yield {name: value for name, value in record.items() if value}


def wording_entry(searches: Sequence[Search]) -> Record:
    """Return one wording of a need with what all its searches showed, the earliest first.

    With the ids of the searches, a later import recognizes the need by any of them.
    """
    shown = distinct(document for search in searches for document in search.shown)
    ids = [*dict.fromkeys(search.id for search in searches)]
    return {"query": searches[0].query, "ids": ids, "sources": sources(shown)}


def needs(searches: Iterable[Search]) -> Iterator[list[Search]]:
    """Yield the searches of each session, cut where the need changes."""
    for session in by_session(searches):
        chain = session[:1]
        for earlier, later in pairwise(session):
            if not same_need(earlier, later):
                yield chain
                chain = []
            chain.append(later)
        yield chain


def by_session(searches: Iterable[Search]) -> Iterator[list[Search]]:
    """Yield the searches of each session by time; those without session or time are left out.

    Searches with equal times, such as one date, keep the order of the export.
    """
    sessions: dict[str, list[Search]] = defaultdict(list)
    for search in searches:
        if search.session and search.time and normalize(search.query) and search.shown:
            sessions[search.session].append(search)
    for members in sessions.values():
        yield sorted(members, key=lambda search: seconds(search.time))


def same_need(earlier: Search, later: Search) -> bool:
    """Return whether two consecutive searches are for the same need."""
    pause = seconds(later.time) - seconds(earlier.time)
    shared = {*content_stems(earlier.query)} & {*content_stems(later.query)}
    return pause <= MAX_PAUSE and bool(shared)


def earlier_questions(searches: Iterable[Search]) -> dict[str, list[str]]:
    """Return the earlier questions of the same need, by search id, oldest first."""
    history: dict[str, list[str]] = {}
    for chain in needs(searches):
        asked: list[str] = []
        for search in chain:
            if search.query not in asked:
                history[search.id] = asked[-MAX_HISTORY:]
                asked = [*asked, search.query]
    return history


def note_bare_sources(searches: Iterable[Search], tally: Tally) -> None:
    """Note how many sources have neither title nor text for models to read."""
    shown = {document.url: document for search in searches for document in search.shown}
    bare = sum(not (document.title or document.snippet) for document in shown.values())
    if bare:
        tally.notes.append(
            f"{bare:,} of {len(shown):,} sources have neither title nor text, and no model can "
            "learn from them; give an export of your documents: DOCUMENTS=FILE"
        )

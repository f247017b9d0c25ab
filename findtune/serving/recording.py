"""Recording what is served and picked, without blocking the event loop."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from findtune.serving.refusals import RefusedError, invalid, not_served, wrong_field
from findtune.traffic.interleaving import merge_searches
from findtune.traffic.log import append_pick, append_search
from findtune.traffic.lookup import file_numbers, find_answer, find_search
from findtune.traffic.records import PickRecord, SearchRecord, ShownSource, now
from findtune.traffic.sessions import hash_session, read_salt
from findtune.traffic.shuffling import shuffle

if TYPE_CHECKING:  # torch takes seconds to load
    from findtune.stack.pipeline import Hit, SearchResult

    Recorded = tuple[SearchResult, SearchRecord]

log = logging.getLogger("findtune.serving")

MAX_PICKS = 3  # of one search, on the page
MAX_SNIPPET_CHARS = 2000  # no model reads more of a text
VERSION_DIGITS = 12


def record_of(
    question: str,
    result: "SearchResult",
    found_by: Mapping[str, list[str]],
    content_hash: str,
    milliseconds: float,
) -> SearchRecord:
    """Return the record of a search. content_hash: the hash of the pipeline that searched."""
    return SearchRecord(
        id=token_hex(16),
        time=now(),
        version=content_hash[:VERSION_DIGITS],
        question=question,
        queries=result.queries,
        milliseconds=round(milliseconds, 1),
        sources=[source_of(hit, found_by.get(hit.url, [])) for hit in result.documents],
    )


def interleaved(
    first: "Recorded", second: "Recorded", top_k: int
) -> "tuple[SearchResult, SearchRecord]":
    """Return one search that shows two pipelines' documents without naming their teams.

    first, second: what team A and team B found. Scores are removed, since those of two rerankers
    cannot be compared.
    """
    record = merge_searches(first[1], second[1], top_k)
    hits = {
        team: {hit.url: hit for hit in result.documents}
        for team, (result, _) in (("A", first), ("B", second))
    }
    documents = [
        shown_at(source.rank, hits[source.team][source.url])
        for source in record.sources
        if source.team
    ]
    return replace(second[0], documents=documents, queries=record.queries), record


def shuffled(shown: "Recorded", share: float) -> "Recorded":
    """Return a search whose first documents may be shuffled, and its record.

    share: the probability of a shuffle.
    """
    result, record = shown[0], shuffle(shown[1], share)
    hits = {hit.url: hit for hit in result.documents}
    documents = [shown_at(source.rank, hits[source.url]) for source in record.sources]
    return replace(result, documents=documents), record


def shown_at(rank: int, hit: "Hit") -> "Hit":
    """Return a document without anything that reveals its team or its original order.

    Clients would sort the documents again by a score, a relevance or another rank.
    """
    return replace(hit, rank=rank, retrieved_rank=rank, score=None, relevance=None)


def source_of(hit: "Hit", found_by: list[str]) -> ShownSource:
    """Return a document as it was shown."""
    score = hit.score if hit.relevance is None else hit.relevance
    return ShownSource(
        url=hit.url,
        title=hit.title,
        snippet=hit.text[:MAX_SNIPPET_CHARS],
        rank=hit.rank,
        score=None if score is None else round(score, 4),
        found_by=found_by,
        retrieved_rank=hit.retrieved_rank,
    )


class Recorder:
    """Keeps searches and picks in a folder. salt: the salt of the users' hashes.

    reading: a lock for pages that read all searches, so that only one at a time uses that much
    memory, which may be gigabytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.salt = folder, read_salt(folder)
        self.reading = asyncio.Lock()

    async def keep_search(self, record: SearchRecord, user: str | None) -> str | None:
        """Record a search and return its id; if that fails, log it and return None."""
        session = hash_session(self.salt, user) if user else None
        kept = record.model_copy(update={"session": session})
        try:
            await asyncio.to_thread(append_search, self.folder, kept)
        except OSError as error:
            log.error("A search was answered but could not be recorded: %s", error.strerror)
            return None
        return kept.id

    async def find(self, key: str) -> SearchRecord:
        """Return the search with an id; raises RefusedError 404."""
        return await asyncio.to_thread(self.find_now, key)

    def find_now(self, key: str) -> SearchRecord:
        """Do what find does, in a thread."""
        record = find_search(self.folder, key)
        if record is None:
            raise not_served("no recorded search has this id.")
        return record

    async def answer(self, key: str) -> list[str] | None:
        """Return the picks of a search, the best first; None if nobody answered it."""
        record = await asyncio.to_thread(find_answer, self.folder, key)
        return record.picks if record else None

    async def keep_picks(self, key: str, picks: Sequence[str] | None) -> PickRecord:
        """Record an answer to a search.

        Raises RefusedError: 404 for a search that is not recorded, 422 for picks that it did not
        show, 503 when the answer cannot be written.
        """
        before = file_numbers(self.folder)
        search = await self.find(key)
        shown = {source.url for source in search.sources}
        if picks is not None and not {*picks} <= shown:
            raise wrong_field("picks: a pick is not a URL that this search showed.")
        picks = None if picks is None else list(dict.fromkeys(picks))
        record = PickRecord(search=key, time=now(), picks=picks)
        await asyncio.to_thread(self.write_pick, key, lambda: record, before)
        return record

    async def change_picks(self, search: SearchRecord, url: str) -> None:
        """Pick a source of a search as the next best one, or take that pick back.

        Raises RefusedError as keep_picks does, and 400 when no more sources may be picked.
        """
        await asyncio.to_thread(self.change_and_write, search, url)

    def change_and_write(self, search: SearchRecord, url: str) -> None:
        """Do what change_picks does, in a thread."""

        def change() -> PickRecord:
            last = find_answer(self.folder, search.id)
            picks = (last.picks if last else None) or []
            left = [pick for pick in picks if pick != url]
            changed = left if url in picks else [*picks, url]
            if len(changed) > MAX_PICKS:
                raise invalid(f"{MAX_PICKS} sources are picked; take one back first.")
            # Without picks left there is no answer; [] would mean that none is right.
            return PickRecord(search=search.id, time=now(), picks=changed or None)

        before = file_numbers(self.folder)
        self.find_now(search.id)
        self.write_pick(search.id, change, before)

    def write_pick(
        self, key: str, make: Callable[[], PickRecord], before: Mapping[str, int]
    ) -> None:
        """Write an answer; `make` makes it while no other answer is written.

        before: the inodes of the files when the search was found. Raises RefusedError: 404 if the
        search was forgotten meanwhile, since its answer would never be forgotten; 503 if the disk
        cannot store it.
        """

        def made() -> PickRecord:
            # Search again only if needed: it is slow, and it blocks all writers.
            if file_numbers(self.folder) != before:
                self.find_now(key)
            return make()

        with refusal_of_disk():
            append_pick(self.folder, made)


@contextmanager
def refusal_of_disk() -> Iterator[None]:
    """Raise RefusedError 503, and log the reason, when the disk cannot store an answer."""
    try:
        yield
    except OSError as error:
        log.error("An answer could not be recorded: %s", error.strerror)
        message = "the answer could not be kept; try again."
        raise RefusedError(503, "server_error", message) from None

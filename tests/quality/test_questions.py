"""Questions: repetitions are counted, and users agree who pick the same of what both were shown."""

from findtune.core.records import Record
from findtune.quality.picks import picks_by_rank
from findtune.quality.questions import (
    count_documents_under_two_urls,
    count_repetition,
    measure_agreement,
)


def ranked(query: str, shown: str, picks: str, **fields: object) -> Record:
    sources = [
        {"url": url, "title": "", "snippet": "same" if url in "xy" else url, "rank": rank}
        for rank, url in enumerate(shown, start=1)
    ]
    return {"query": query, "sources": sources, "picks": [*picks], **fields}


def test_questions_are_counted_by_wording_and_by_what_they_ask() -> None:
    questions = ["Job rates", "job rates?", "the rate of jobs", "bread"]
    assert count_repetition(questions) == (4, 3, 2)


def test_users_agree_when_they_have_a_common_pick() -> None:
    lists = [
        ranked("job rate", "abc", "a"),
        ranked("the rates of jobs", "abc", "ba"),
        ranked("jobs rate", "abc", "c"),
        ranked("bread", "abc", "a"),
    ]
    # of three pairs, one has a common pick, and none the same first pick
    assert measure_agreement(lists) == (1, 3, 1, 0)


def test_a_pick_that_the_other_user_was_not_shown_says_nothing() -> None:
    lists = [ranked("job rate", "ab", "a"), ranked("jobs rate", "bc", "b")]
    assert measure_agreement(lists) == (1, 0, 0, 0)


def test_lists_of_one_topic_are_compared() -> None:
    lists = [ranked("jobs", "ab", "a", topic="t"), ranked("work", "ab", "a", topic="t")]
    assert measure_agreement(lists) == (1, 1, 1, 1)


def test_a_text_at_two_addresses_is_counted_at_both() -> None:
    assert count_documents_under_two_urls([ranked("jobs", "xyz", "z")]) == 2


def test_picks_are_counted_by_rank() -> None:
    lists = [ranked("jobs", "abc", "ba"), ranked("work", "ab", "a")]
    assert picks_by_rank(lists) == [(1, 2, 2, 1), (2, 2, 1, 1), (3, 1, 0, 0)]

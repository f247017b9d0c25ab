"""Searches: one need is what one session asks in a row, in words that share a stem."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from findtune.importing.documents import Document
from findtune.importing.searches import Search, needs, ranked_lists, rewriting_records
from findtune.importing.tally import Row, Tally


def search(query: str, minute: int, picks: Sequence[str] = (), session: str = "s") -> Search:
    shown = [Document(f"{query} {rank}") for rank in (1, 2)]
    time = f"2026-03-01T10:{minute:02}:00Z"
    return Search(f"{query}-{minute}", query, time, session, shown, picks, Row("f", 1, {}))


def chains(*searches: Search) -> list[list[str]]:
    return [[member.query for member in chain] for chain in needs(searches)]


@pytest.mark.parametrize(
    ("second", "is_same"),
    [
        (search("jobs rates", 20), True),
        (search("jobs rates", 31), False),  # too late
        (search("bread", 1), False),  # no word in common
        (search("jobs rates", 20, session="other"), False),
    ],
)
def test_two_searches_are_of_one_need(second: Search, is_same: bool) -> None:
    first = search("job rate", 0)
    expected = [["job rate", second.query]] if is_same else [["job rate"], [second.query]]
    assert chains(second, first) == expected or chains(first, second) == expected


def test_a_need_that_was_asked_once_or_found_nothing_is_no_rewriting_record() -> None:
    asked_once = search("jobs", 0, ["jobs 1"])
    found_nothing = [search("tea", 1), search("tea exports", 2)]
    assert [*rewriting_records([asked_once])] == []
    assert [*rewriting_records(found_nothing)] == []


def test_wordings_that_differ_by_a_sign_are_searches_of_their_own() -> None:
    asked = [search("C# jobs", 0), search("C++ jobs", 1, ["C++ jobs 1"])]
    [record] = rewriting_records(asked)
    assert [*record["query_source_mapping"]] == ["C# jobs", "C++ jobs"]


@pytest.mark.parametrize("again", ["cheap flights", "Cheap flights?"])
@pytest.mark.parametrize("page", [("c", "d"), ("b", "c")])
def test_a_wording_that_is_searched_again_keeps_what_each_search_showed(
    again: str, page: tuple[str, str]
) -> None:
    asked = [
        replace(search("cheap flights", 0), shown=[*map(Document, "ab")]),
        search("cheap flight tickets", 1),
        replace(search(again, 2, ["c"]), shown=[*map(Document, page)]),
    ]
    [record] = rewriting_records(asked)
    assert record["selected_sources"] == ["c"]
    assert [*record["query_source_mapping"]] == ["cheap flights", "cheap flight tickets"]
    shown = record["query_source_mapping"]["cheap flights"]["sources"]
    urls = [*dict.fromkeys(["a", "b", *page])]
    assert [(source["rank"], source["url"]) for source in shown] == [*enumerate(urls, start=1)]


def test_a_search_without_a_session_or_a_time_has_no_history() -> None:
    searches = [search("jobs", 0, session=""), search("jobs rate", 1, ["jobs rate 1"], session="")]
    [record] = ranked_lists(searches, Tally())
    assert "history" not in record


def test_a_search_in_which_all_was_picked_teaches_nothing() -> None:
    tally = Tally()
    assert [*ranked_lists([search("jobs", 0, ["jobs 1", "jobs 2"])], tally)] == []
    assert [*tally.unused] == ["searches in which everything shown was picked"]


def test_searches_of_one_time_keep_the_order_of_the_export() -> None:
    # As where a log has no more than the day.
    queries = ["tea", "tea price", "tea exports", "black tea", "tea leaves"]
    asked = [search(query, 0, [f"{query} 1"]) for query in queries]
    assert chains(*asked) == [queries]
    assert [*ranked_lists(asked, Tally())][-1]["history"] == queries[:-1]


def test_both_kinds_of_records_say_which_log_entry_gave_a_pick() -> None:
    searches = [
        replace(each, picked_by={each.id: each.picks})
        for each in (
            search("job rate", 0, ["job rate 1"]),
            search("jobs rates", 1, ["jobs rates 2"]),
        )
    ]
    by_entry = [dict(each.picked_by) for each in searches]
    assert [record["picked_by"] for record in ranked_lists(searches, Tally())] == by_entry
    assert [record["picked_by"] for record in rewriting_records(searches)] == [
        by_entry[0] | by_entry[1]
    ]

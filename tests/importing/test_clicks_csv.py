"""A CSV of clicks: its lists, clicks, ranks and times, and what of it cannot be used."""

from pathlib import Path

import pytest

from tests.importing.small_imports import Import, csv_import


def test_a_csv_of_searches_reads_lists_in_any_form_and_counts_clicks_on_strangers() -> None:
    clicks = Import("csv", "clicks.csv")
    assert clicks.picks("how many people are out of work?") == ["https://b.example"]
    assert clicks.urls("people out of work rate") == ["https://d.example", "https://e.example"]
    assert clicks.unused() == {
        "clicks on a source that was not shown": [3],
        "rows: 7 cells where the header has 6": [5],
        "searches without a pick": [4],
    }
    assert clicks.tally.unknown == {"shop": 3}


def test_a_csv_of_sources_gathers_the_rows_of_a_search_and_keeps_their_ranks() -> None:
    clicks = Import("csv", "clicks_by_source.csv")
    assert clicks.urls("out of work") == ["https://a.example", "https://b.example"]
    assert clicks.picks("bread") == ["https://y.example"]
    assert clicks.unused() == {"rows: clicked is neither 1 nor 0": [3]}


def test_digits_that_are_no_number_are_no_rank(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("query,url,clicked,rank\nbread,a,1,²\nbread,b,0,2\n", encoding="utf-8")
    assert Import("csv", f"{path}").urls("bread") == ["a", "b"]


def test_a_source_without_a_rank_stays_behind_the_one_before(tmp_path: Path) -> None:
    rows = ["bread,a,0,1", "bread,b,0,2", "bread,c,1,", "bread,d,0,3"]
    assert csv_import(tmp_path, "query,url,clicked,rank", *rows).urls("bread") == [*"abcd"]


def test_ranks_and_clicks_are_read_as_pandas_and_postgresql_write_them(tmp_path: Path) -> None:
    rows = ["bread,c,1.0,3.0", "bread,a,0.0,1.0", "bread,b,t,2.0", "bread,d,f,4.0"]
    clicks = csv_import(tmp_path, "query,url,clicked,rank", *rows)
    assert (clicks.urls("bread"), clicks.picks("bread")) == ([*"abcd"], ["b", "c"])
    assert clicks.unused() == {}


def test_a_click_on_a_source_without_an_address_is_counted_and_no_pick(tmp_path: Path) -> None:
    clicks = csv_import(tmp_path, "query,url,clicked", "bread,,1", "bread,a,0", "bread,b,1")
    assert clicks.picks("bread") == ["b"]
    assert clicks.unused() == {"rows without a url": [2]}


@pytest.mark.parametrize(
    "lines",
    [
        ("query,shown,clicked", "tea,a;b,a", "tea,a;b,b", "tea,a;b,a"),
        ("query,url,clicked", "tea,a,1", "tea,b,0", "rice,a,", "tea,a,0", "tea,b,1"),
    ],
)
def test_users_of_whom_nothing_is_known_are_shown_the_same_and_stay_apart(
    tmp_path: Path, lines: tuple[str, ...]
) -> None:
    # As one search they would have picked all that was shown, which teaches nothing.
    searches = csv_import(tmp_path, *lines).searches
    assert len({search.id for search in searches}) == len(searches) == 3
    assert [search.id for search in csv_import(tmp_path, *lines).searches] == [
        search.id for search in searches
    ]


def test_rows_of_one_time_or_user_are_one_search(tmp_path: Path) -> None:
    rows = ("query,shown,clicked,timestamp", "tea,a;b;c,a,2026-01-01", "tea,a;b;c,b,2026-01-01")
    assert len({search.id for search in csv_import(tmp_path, *rows).searches}) == 1


def test_a_csv_counts_the_times_that_are_none(tmp_path: Path) -> None:
    # Without them a session has no history, and no rewrite is learned.
    rows = ["tea,a;b,a,28.11.2026 10:00", "rice,a;b,b,2026-11-28 10:00:00 UTC", "oat,a;b,b,"]
    clicks = csv_import(tmp_path, "query,shown,clicked,timestamp", *rows)
    assert clicks.unused() == {"times that cannot be read; write 2026-11-28T10:00:00Z": [2]}
    assert [search.time for search in clicks.searches] == ["", "2026-11-28T10:00:00Z", ""]


def test_a_csv_reads_a_row_of_brackets_as_no_list(tmp_path: Path) -> None:
    clicks = csv_import(tmp_path, "query,shown,clicked", "tea," + "[" * 5000 + ",a", "rice,a;b,a")
    assert clicks.urls("rice") == ["a", "b"]

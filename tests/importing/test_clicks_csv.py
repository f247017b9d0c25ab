"""A CSV of clicks: its lists, clicks, ranks and times, and what of it cannot be used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from tests.importing.small_imports import Import, csv_import


def test_a_csv_of_searches_reads_lists_in_any_form_and_counts_clicks_on_strangers() -> None:
    clicks = Import("csv", "clicks.csv")
    assert clicks.picks("how many people are out of work?") == ["https://b.example"]
    assert clicks.urls("people out of work rate") == ["https://d.example", "https://e.example"]
    assert clicks.unused() == {
        "clicks on a source that was not shown": [3],
        'rows: 7 cells where the header has 6; quote cells that hold commas, like "a, b"': [5],
        "searches without a pick": [4],
    }
    assert clicks.tally.unknown == {"shop": 3}


def test_a_csv_of_sources_gathers_the_rows_of_a_search_and_keeps_their_ranks() -> None:
    clicks = Import("csv", "clicks_by_source.csv")
    assert clicks.urls("out of work") == ["https://a.example", "https://b.example"]
    assert clicks.picks("bread") == ["https://y.example"]
    assert clicks.unused() == {}


def test_digits_that_are_no_number_are_no_rank(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("query,url,clicked,rank\nbread,a,1,²\nbread,b,0,2\n", encoding="utf-8")
    assert Import("csv", f"{path}").urls("bread") == ["a", "b"]


NO_RANK = "ranks that cannot be read, so these rows follow the row before; write 1, 2, 3"


@pytest.mark.parametrize(
    "ranks", ["2,0 1,0", "#2 #1", "2. 1.", "2,00 1,00", "02 01", "2.000 1.000", "#2,0 #1"]
)
def test_a_rank_is_read_as_spreadsheets_and_people_write_it(tmp_path: Path, ranks: str) -> None:
    second, first = ranks.split()
    read = csv_import(tmp_path, "query;url;clicked;rank", f"tea;b;1;{second}", f"tea;a;0;{first}")
    assert read.urls("tea") == ["a", "b"]
    assert read.unused() == {}


@pytest.mark.parametrize("rank", ["1,5", "1,000", "first", "²", "-1", "1/10", "1.5"])
def test_a_rank_that_cannot_be_read_is_counted(tmp_path: Path, rank: str) -> None:
    rows = ["tea;a;0;1", f"tea;b;1;{rank}", "tea;c;0;3"]
    read = csv_import(tmp_path, "query;url;clicked;rank", *rows)
    assert read.urls("tea") == [*"abc"]
    assert read.unused() == {NO_RANK: [3]}


@pytest.mark.parametrize("rank", ["", "nan", "NULL", "n/a", "#N/A"])
def test_a_word_for_nothing_is_no_rank_and_no_fault(tmp_path: Path, rank: str) -> None:
    rows = ["tea;a;0;1", f"tea;b;1;{rank}"]
    assert csv_import(tmp_path, "query;url;clicked;rank", *rows).unused() == {}


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


@pytest.mark.parametrize("clicks", ["15", "2", "1", "3.0", "0.5", "0,5", "1,200", "12.0"])
def test_a_number_of_clicks_above_zero_is_a_click(tmp_path: Path, clicks: str) -> None:
    rows = [f'tea,a,"{clicks}"', "tea,b,1", "tea,c,0", 'tea,d,"0,0"', "tea,e,00"]
    read = csv_import(tmp_path, "query,url,clicked", *rows)
    assert (read.urls("tea"), read.picks("tea")) == ([*"abcde"], ["a", "b"])
    assert read.unused() == {}


@pytest.mark.parametrize("clicked", ["ja", "WAHR", "✓", "clicked", "-1", "nan", "1 of 3", "²"])
def test_a_search_with_a_click_that_cannot_be_read_is_not_used(
    tmp_path: Path, clicked: str
) -> None:
    # Otherwise a source that was clicked would count as passed over.
    other = ["rice,a,1,u", "rice,b,0,u"]
    rows = [f"tea,a,{clicked},u", "tea,b,1,u", "tea,c,0,u", *other]
    read = csv_import(tmp_path, "query,url,clicked,user", *rows)
    assert [search.query for search in read.searches] == ["rice"]
    remedy = "write 1 or 0, yes or no, or the number of clicks"
    reason = f"searches with a value of clicked that can't be read ({clicked!r}); {remedy}"
    assert read.unused() == {reason: [2]}


def test_many_clicks_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    rows = [f"tea {number},a,2026-01-{number:02}" for number in range(1, 20)]
    read = csv_import(tmp_path, "query,url,clicked", *rows, f"tea 20,a,{'x' * 500}")
    [(reason, lines)] = read.unused().items()
    assert "('2026-01-01', '2026-01-02', '2026-01-03', ...)" in reason
    assert lines == [*range(2, 22)]


def test_a_row_without_a_source_costs_no_search_its_clicks(tmp_path: Path) -> None:
    read = csv_import(tmp_path, "query,url,clicked", "tea,a,1", "tea,,sum", "tea,b,0")
    assert read.picks("tea") == ["a"]
    assert read.unused() == {"rows without a url": [3]}


FILE = "https://a.example/My File.pdf"


@pytest.mark.parametrize(
    "shown",
    [
        f"{FILE};b",
        f"{FILE} ; b",
        f"{FILE}|b",
        f"{FILE}; b;",
        f'"{FILE}\nb"',
        f'"[""{FILE}"", ""b""]"',
        f"\"['{FILE}', 'b']\"",
    ],
)
@pytest.mark.parametrize("clicked", [FILE, f"{FILE};", f'"[""{FILE}""]"'])
def test_an_address_keeps_its_blanks_where_something_else_separates(
    tmp_path: Path, shown: str, clicked: str
) -> None:
    read = csv_import(tmp_path, "query,shown,clicked", f"tea,{shown},{clicked}")
    assert (read.urls("tea"), read.picks("tea")) == ([FILE, "b"], [FILE])
    assert read.unused() == {}


def test_a_name_without_a_scheme_keeps_its_blanks_too(tmp_path: Path) -> None:
    row = "tea,My File.pdf;My Other File.pdf;c,My Other File.pdf;c"
    read = csv_import(tmp_path, "query,shown,clicked", row)
    assert read.urls("tea") == ["My File.pdf", "My Other File.pdf", "c"]
    assert read.picks("tea") == ["My Other File.pdf", "c"]


@pytest.mark.parametrize(
    "shown",
    [
        "https://a.example https://b.example",
        "https://a.example  https://b.example ",
        '"https://a.example, https://b.example"',
        "https://a.example;https://b.example",
        "https://a.example;;https://b.example;",
        "https://a.example https://b.example;",
        '"https://a.example\nhttps://b.example"',
        "\"['https://a.example' 'https://b.example']\"",
    ],
)
def test_a_list_is_read_whatever_separates_its_addresses(tmp_path: Path, shown: str) -> None:
    read = csv_import(tmp_path, "query,shown,clicked", f"tea,{shown},https://b.example")
    assert read.urls("tea") == ["https://a.example", "https://b.example"]
    assert read.picks("tea") == ["https://b.example"]
    assert read.unused() == {}


@pytest.mark.parametrize(
    ("shown", "clicked"),
    [
        (f"{FILE} https://b.example", "https://b.example"),
        (f"https://b.example {FILE}", "https://b.example"),
        ("https://a.example;jsessionid=7;https://b.example", "https://b.example"),
        ("https://a.example/?x=1;y=2;https://b.example", "https://b.example"),
        ("https://a.example;https://b.example", f"https://b.example {FILE}"),
    ],
)
def test_a_search_with_a_list_that_may_be_torn_is_not_used(
    tmp_path: Path, shown: str, clicked: str
) -> None:
    rows = [f"tea,{shown},{clicked}", "rice,a;b,a"]
    read = csv_import(tmp_path, "query,shown,clicked", *rows)
    assert [search.query for search in read.searches] == ["rice"]
    reason = (
        "searches with an address that may hold a separator (blank, ; or |); write lists as JSON"
    )
    assert read.unused() == {reason: [2]}


def test_a_list_of_many_blanks_takes_linear_time(
    tmp_path: Path, assert_linear: Callable[..., None]
) -> None:
    def read(size: int) -> None:
        shown = "a" + " " * size + ";b" + "; " * size
        assert csv_import(tmp_path, "query,shown,clicked", f"tea,{shown},b").picks("tea") == ["b"]

    assert_linear(read, 5000)


def test_numbers_in_a_list_are_ids(tmp_path: Path) -> None:
    read = csv_import(tmp_path, "query,shown,clicked", 'tea,"[17, 18]",18')
    assert (read.urls("tea"), read.picks("tea")) == (["17", "18"], ["18"])


def test_a_row_of_another_encoding_is_counted_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    rows = ["query,url,clicked", "café,a,1", "café,b,0", "Küche,a,1", "tea,a,1", "tea,b,0"]
    path.write_bytes("\n".join(rows).encode("cp1252"))
    reason = "a byte that is not UTF-8; save the file as UTF-8"
    remedy = f"{reason} (it is in an older encoding, such as cp1252)"
    read = Import("csv", f"{path}")
    assert read.unused() == {f"rows: {remedy}": [2, 3, 4]}
    assert read.picks("tea") == ["a"]


def test_the_remedy_for_a_long_row_names_no_setting_that_an_import_does_not_read(
    tmp_path: Path,
) -> None:
    read = csv_import(tmp_path, "query,url,clicked", f"{'tea' * 50_000},a,1", "tea,a,1", "tea,b,0")
    [reason] = read.unused()
    assert reason.endswith("shorten it")


@pytest.mark.parametrize("header", ["query,link,clicked", "Query;Result;Clicked", "query,clicked"])
def test_a_header_without_sources_is_answered_with_both_forms(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError) as error:
        csv_import(tmp_path, header, "tea,https://a.example,1".replace(",", header[5]))
    assert ":1: no column shown or url: found " in f"{error.value}"
    assert "the header must have query,shown,clicked or query,url,clicked" in f"{error.value}"


def test_a_header_in_one_quoted_cell_is_answered_as_such(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the whole line is one quoted cell"):
        csv_import(tmp_path, '"query,url,clicked"', '"tea,a,1"')


@pytest.mark.parametrize(
    "click",
    [
        "https://b.example/y/",
        "http://www.b.example/y?utm_source=mail",
        "https://B.example/y#part",
        "https://b.example/y https://b.example/y/",
    ],
)
def test_a_click_on_another_spelling_of_a_shown_source_is_a_pick(
    tmp_path: Path, click: str
) -> None:
    shown = "https://a.example/x;https://b.example/y;https://c.example"
    read = csv_import(tmp_path, "query,shown,clicked", f"tea,{shown},{click} https://c.example")
    assert read.picks("tea") == ["https://b.example/y", "https://c.example"]
    assert read.unused() == {}


@pytest.mark.parametrize("click", ["https://b.example/y/z", "https://b.example/y?page=2", "B"])
def test_a_click_on_a_source_that_only_looks_alike_is_none(tmp_path: Path, click: str) -> None:
    shown = "https://a.example;https://b.example/y;b"
    read = csv_import(tmp_path, "query,shown,clicked", f"tea,{shown},https://a.example;{click}")
    assert read.picks("tea") == ["https://a.example"]
    assert read.unused() == {"clicks on a source that was not shown": [2]}


@pytest.mark.parametrize(
    ("shown", "clicked"),
    [
        ("a,b,c", "b"),
        ("a,b,c", "b,c"),
        ("a;b;c", "a,b"),
        ("https://a.example/1,https://a.example/2", "https://a.example/2"),
        ("a,b;c", "b"),
    ],
)
def test_a_click_on_a_part_of_a_list_with_commas_is_answered_with_what_separates(
    tmp_path: Path, shown: str, clicked: str
) -> None:
    row = f'tea,"{shown}","{clicked}"'
    [reason, _] = csv_import(tmp_path, "query,shown,clicked", row).unused()
    assert reason == (
        "clicks on a part of a list with commas, which separate nothing; "
        "separate its items by ;, |, line ends or blanks, or write JSON"
    )


def test_a_name_with_commas_is_one_source(tmp_path: Path) -> None:
    row = 'tea,"Tea, green.pdf;Tea, black.pdf","Tea, black.pdf"'
    read = csv_import(tmp_path, "query,shown,clicked", row)
    assert (read.picks("tea"), read.unused()) == (["Tea, black.pdf"], {})


def test_a_click_on_one_of_two_spellings_picks_the_one_that_was_clicked(tmp_path: Path) -> None:
    shown = "https://b.example/y;https://b.example/y/;https://c.example"
    read = csv_import(tmp_path, "query,shown,clicked", f"tea,{shown},https://b.example/y/")
    assert read.picks("tea") == ["https://b.example/y/"]

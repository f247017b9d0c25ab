"""A CSV of clicks: which of its rows are pages or sources of one search."""

from pathlib import Path

import pytest

from findtune.importing.pseudonyms import Pseudonyms, record_id
from tests.importing.small_imports import Import, csv_import


def picks_by_question(read: Import) -> list[tuple[str, list[str], list[str]]]:
    return [
        (each.query, [source.url for source in each.shown], [*each.picks]) for each in read.searches
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ("id,query,shown,clicked", "1,tea,a;b,a", "2,oat,e;f,e", "1,rice in Köln,c;d,d"),
        (
            *("id,query,url,clicked", "1,tea,a,1", "1,tea,b,0", "2,oat,e,1", "2,oat,f,0"),
            *("1,rice in Köln,c,0", "1,rice in Köln,d,1"),
        ),
    ],
)
def test_an_id_that_comes_back_with_another_question_is_another_search(
    tmp_path: Path, lines: tuple[str, ...]
) -> None:
    read = csv_import(tmp_path, *lines)
    assert picks_by_question(read) == [
        ("tea", ["a", "b"], ["a"]),
        ("oat", ["e", "f"], ["e"]),
        ("rice in Köln", ["c", "d"], ["d"]),
    ]
    assert len({search.id for search in read.searches}) == 3
    assert read.unused() == {}


@pytest.mark.parametrize("second", ["tea", "Tea"])
@pytest.mark.parametrize(
    "rows",
    [
        ("id,query,shown,clicked,timestamp", "1,{},c;d,d,2026-01-02", "1,tea,a;b,a,2026-01-01"),
        ("id,query,shown,clicked", "1,tea,a;b,a", "2,rice,y;z,z", "1,{},c;b;d,d"),
        ("id,query,url,clicked", "1,tea,a,1", "1,{},b,0", "2,rice,y,1", "1,{},c,0", "1,{},d,1"),
    ],
)
def test_rows_of_one_id_and_question_are_pages_of_one_search(
    tmp_path: Path, second: str, rows: tuple[str, ...]
) -> None:
    read = csv_import(tmp_path, *(row.format(second) for row in rows))
    [search, *others] = picks_by_question(read)
    assert (search[0].casefold(), *search[1:]) == ("tea", [*"abcd"], ["a", "d"])
    assert len(others) == sum(",rice," in row for row in rows)


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        (["a;b,a,2026-01-01,s", "c;d,d,,"], "abcd"),
        (["c;d,d,,", "a;b,a,2026-01-01,s"], "cdab"),
        (["e,e,2026-01-02,", "f,f,,", "a;b,a,2026-01-01,s", "c;d,d,,"], "abcdef"),
        (["a;b,a,,", "c;d,d,,s", "e;f,e,2026-01-01,s"], "abcdef"),
        (["a;b,a,2026-01-01,", "c;d,d,2026-01-02,s"], "abcd"),
    ],
)
@pytest.mark.parametrize("owner", ["session", "user"])
def test_a_page_without_a_time_stays_behind_the_one_before(
    tmp_path: Path, owner: str, rows: list[str], shown: str
) -> None:
    read = csv_import(
        tmp_path, f"id,query,shown,clicked,timestamp,{owner}", *(f"1,tea,{row}" for row in rows)
    )
    [search] = read.searches
    assert read.urls("tea") == [*shown]
    assert search.time == "2026-01-01T00:00:00Z"
    assert search.session == Pseudonyms(b"key").name(owner, "s")


def test_a_search_of_sources_takes_time_and_user_from_the_first_row_that_has_them(
    tmp_path: Path,
) -> None:
    rows = ["1,tea,b,0,2,2026-01-01,ada", "1,,a,1,1,,", "1,,c,0,3,2026-01-02,"]
    read = csv_import(tmp_path, "id,query,url,clicked,rank,timestamp,user", *rows)
    [search] = read.searches
    assert read.urls("tea") == [*"abc"]
    assert search.time == "2026-01-01T00:00:00Z"
    assert search.session == Pseudonyms(b"key").name("user", "ada")


def test_a_row_of_a_search_without_a_question_is_not_used(tmp_path: Path) -> None:
    rows = ["1,tea,a;b,a", "2,oat,a;b,a", "1,,x;y,x", "1,,x;y,x", ",,x;y,x", "3,,x;y,x"]
    read = csv_import(tmp_path, "id,query,shown,clicked", *rows)
    assert [*read.lists] == ["tea", "oat"]
    assert read.urls("tea") == ["a", "b"]
    assert read.unused() == {"searches without a question": [4, 5, 6, 7]}


@pytest.mark.parametrize(
    "rows",
    [
        ["1,,b,0,2", "1,tea,a,1,1", "1,,c,0,3"],
        ["1,tea,a,1,1", "1,,b,0,2", "1,Tea,c,0,3"],
        ["1,,a,1,1", "1,,b,0,2", "2,oat,x,1,1", "1,tea,c,0,3"],
    ],
)
def test_a_source_without_a_question_takes_the_only_one_of_its_id(
    tmp_path: Path, rows: list[str]
) -> None:
    read = csv_import(tmp_path, "id,query,url,clicked,rank", *rows)
    assert (read.urls("tea"), read.picks("tea")) == ([*"abc"], ["a"])
    assert "searches without a question" not in read.unused()


def test_a_source_without_a_question_takes_the_nearest_one_before_if_its_id_has_several(
    tmp_path: Path,
) -> None:
    rows = ["1,,z,0", "1,tea,a,1", "1,,b,0", "2,,y,0", "1,oat,c,1", "2,,x,1", "1,,d,0", ",,w,1"]
    read = csv_import(tmp_path, "id,query,url,clicked", *rows)
    assert (read.urls("tea"), read.urls("oat")) == (["a", "b"], ["c", "d"])
    assert {query for query in read.lists} == {"tea", "oat"}
    assert sorted(read.unused()["searches without a question"]) == [2, 5, 9]


@pytest.mark.parametrize("owner", ["session", "user"])
def test_an_id_that_comes_back_with_another_user_is_another_search(
    tmp_path: Path, owner: str
) -> None:
    header = f"id,query,shown,clicked,timestamp,{owner}"
    ada, bob = "1,tea,a;b,a,2026-01-01,ada", "1,tea,c;d,c,2026-02-01,bob"
    rows = [ada, bob, "1,tea,e;f,e,2026-01-01,ada", "1,tea,g;h,g,2026-03-01,"]
    read = csv_import(tmp_path, header, *rows)
    # Whose page the last one is, nobody knows.
    assert [[*search.picks] for search in read.searches] == [["a", "e"], ["c"], ["g"]]
    assert len({search.id for search in read.searches}) == 3
    alone = csv_import(tmp_path, header, bob).searches
    assert [search.id for search in alone] == [read.searches[1].id]  # a later import knows it


def test_a_search_of_nobody_has_an_id_of_its_id_and_question_alone(tmp_path: Path) -> None:
    wide = csv_import(tmp_path, "id,query,shown,clicked,user", "1,Tea,a;b,a,").searches
    long = csv_import(tmp_path, "id,query,url,clicked,user", "1,tea,a,1,ada").searches
    assert [search.id for search in [*wide, *long]] == [record_id("csv", "1", "tea")] * 2


def files_import(tmp_path: Path, **files: tuple[str, ...]) -> Import:
    for name, lines in files.items():
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    return Import("csv", *(f"{tmp_path / name}" for name in files))


def test_users_of_whom_nothing_is_known_stay_apart_across_files(tmp_path: Path) -> None:
    header, jan, feb = "query,shown,clicked", "tea,a;b;c,a", "tea,a;b;c,b"
    read = files_import(tmp_path, jan=(header, jan), feb=(header, feb))
    assert [search.picks for search in read.searches] == [["a"], ["b"]]
    assert len({search.id for search in read.searches}) == 2
    ids = [search.id for search in csv_import(tmp_path, header, jan).searches]
    assert ids == [read.searches[0].id]  # so that a later import knows it again


def test_a_file_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "jan").write_text("query,shown,clicked\ntea,a;b,a\n", encoding="utf-8")
    paths = (f"{tmp_path / 'jan'}", f"{tmp_path / '..' / tmp_path.name / 'jan'}")
    assert len(Import("csv", *paths).searches) == 1


def test_pages_and_ids_that_restart_are_read_alike_across_files(tmp_path: Path) -> None:
    header = "id,query,shown,clicked"
    jan, feb = (header, "1,tea,a;b,a"), (header, "1,rice,c;d,c", "1,tea,e,e")
    read = files_import(tmp_path, jan=jan, feb=feb)
    assert picks_by_question(read) == [
        ("tea", ["a", "b", "e"], ["a", "e"]),
        ("rice", ["c", "d"], ["c"]),
    ]

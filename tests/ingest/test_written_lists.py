"""A list is read in each way that tables and databases write it, and none is no fault."""

from typing import Any

import pytest

from findtune.ingest.written_lists import names_nothing, read_list

NOTHING = [
    None,
    "",
    " ",
    "[]",
    "{}",
    "None",
    "nan",
    "NULL",
    [],
    {},
    [None],
    [""],
    ["nan"],
    "[null]",
]


@pytest.mark.parametrize("value", NOTHING)
def test_each_way_to_write_no_pick_is_counted_as_no_pick(project: Any, value: object) -> None:
    good = [project.ranked_list(f"good {number}?") for number in range(2)]
    outcome = project.clean("ranked_lists", *good, project.ranked_list(positive_sources=value))
    assert len(outcome.records) == 2
    assert outcome.counts["rejected"] == 0
    good = [project.search_record(f"good {number}?") for number in range(2)]
    outcome = project.clean("searches", *good, project.search_record(selected_sources=value))
    assert (len(outcome.records), outcome.counts["rejected"]) == (2, 0)


@pytest.mark.parametrize("value", [0, False, "https://example.org/a", ["a"], [None, "a"], [0]])
def test_a_value_names_something(value: object) -> None:
    assert not names_nothing(value)


def test_a_list_in_a_text_is_read(project: Any) -> None:
    url = project.url("b")
    for picks in (f'["{url}"]', f"['{url}']", f"[{{'url': '{url}'}}]", [None, url]):
        record, _ = project.clean_one("ranked_lists", positive_sources=picks)
        assert record["picks"] == [url]
    shown = str([project.document(name) for name in "ab"])
    record, _ = project.clean_one("ranked_lists", all_sources=shown, negative_sources="[]")
    assert len(record["sources"]) == 2


@pytest.mark.parametrize("mark", [";", " ", ", ", "|", "\n", " ; "])
def test_urls_in_one_text_are_a_list(project: Any, mark: str) -> None:
    picks = mark.join(map(project.url, "ab"))
    record, _ = project.clean_one("ranked_lists", positive_sources=picks, negative_sources="")
    assert record["picks"] == [*map(project.url, "ab")]
    archived = "https://archive.example/2020/https://a.example/b;c,d"
    assert read_list(archived) == archived


@pytest.mark.parametrize("mark", [";", ",", "|", " ; "])
def test_a_mark_after_the_last_url_is_no_part_of_it(project: Any, mark: str) -> None:
    picks = "".join(project.url(name) + mark for name in "ab")
    assert read_list(picks) == [*map(project.url, "ab")]


def test_a_long_run_of_marks_in_a_text_is_read_once() -> None:
    marks = f"https://a.example{';' * 100_000}x://"
    assert read_list(marks) == marks


def test_a_text_that_only_looks_like_a_list_stays() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    for text in ("[1] a", "[a b]", deep, "[__import__('os')]", "[" + "1" * 5000 + "]"):
        assert read_list(text) == text

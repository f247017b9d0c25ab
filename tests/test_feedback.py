"""One record of feedback is one choice of one user: it stays one, or is told and left out."""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune.choices import Clean
from findtune.feedback import cleaned, feedback_files
from findtune.sources import Limits
from findtune.streams import Record
from findtune.tables import Note
from stages.ingest import main

LIMITS = Limits(longest_text=200, most_sources=10, max_rejected=0.5)
PARAMS = "feedback: {longest_text: 200, most_sources: 10, max_rejected: 0.5}\n"
FOLDER = Path("data/training_data")
TIME = "2025-01-31T12:00:00Z"


def url(name: object) -> str:
    return f"https://example.org/{name}"


def shown(name: object, **more: object) -> dict[str, Any]:
    """Return a source as a log writes it."""
    return {"title": f"Title of {name}", "url": url(name), "snippet": f"All of {name}.", **more}


def clean_source(name: object, **more: str) -> dict[str, str]:
    """Return the same source as it comes out."""
    return {"url": url(name), "title": f"Title of {name}", "snippet": f"All of {name}.", **more}


def ranking(query: object = "how much tea?", **fields: object) -> dict[str, Any]:
    """Return a record of the reranker's feedback, in which the second of three was picked."""
    return {
        "query": query,
        "all_sources": [shown("a"), shown("b"), shown("c")],
        "positive_sources": [url("b")],
        "negative_sources": [url("a"), url("c")],
        "timestamp": TIME,
        **fields,
    }


def asked(query: object = "how much tea?", **fields: object) -> dict[str, Any]:
    """Return a record of the rewriter's feedback, with two searches."""
    mapping = {
        "tea consumption": {
            "query": "tea consumption",
            "reasoning": "Reformulation 1",
            "sources": [shown("a"), shown("b")],
        },
        "how much tea?": {"reasoning": "Original user query", "sources": [shown("c")]},
    }
    return {
        "original_query": query,
        "selected_sources": [url("b"), url("c")],
        "query_source_mapping": mapping,
        "query_generator": "t5",
        "timestamp": TIME,
        **fields,
    }


def answered(query: object = "how much tea?", **fields: object) -> dict[str, Any]:
    """Return a record of preferences."""
    return {
        "id": "p1",
        "query": query,
        "response1": "Two cups.",
        "response2": "Three cups.\n\nOr four.",
        "selected_response": "response2",
        "sources": [shown("a")],
        "timestamp": TIME,
        **fields,
    }


def clean(
    kind: str, *values: object, limits: Limits = LIMITS
) -> tuple[list[Clean], list[Note], Counter[str]]:
    """Return the clean records, the notes and the counts of some records."""
    found, notes, counts = [], [], Counter[str]()
    records = [Record("f.json", number, value) for number, value in enumerate(values, start=1)]
    for record, sheet in cleaned(kind, records, limits):
        found += [] if record is None else [record]
        notes += sheet.notes
        counts += sheet.counts
    return found, notes, counts


def rejected(kind: str, value: object) -> Note:
    """Return the one note by which a record among good ones is rejected."""
    good = {"reranker": ranking, "rewriting": asked, "preferences": answered}[kind]
    found, notes, _ = clean(kind, good("first?"), value, good("last?"))
    assert [record["query"] for record in found] == ["first?", "last?"]
    [note] = [note for note in notes if note.action == "rejected"]
    assert note.line == 2
    assert note.reason
    assert note.remedy
    return note


def places(notes: list[Note]) -> list[tuple[str, str, str]]:
    """Return what was done with what, and the value found."""
    return [(note.action, note.column, note.value) for note in notes]


# What a clean record is


def test_a_ranked_list_keeps_its_order_its_picks_and_what_was_refused() -> None:
    both = [url("c"), url("a")]
    record = ranking(positive_sources=both, negative_sources=[])
    found, notes, counts = clean("reranker", record)
    assert found == [
        {
            "query": "how much tea?",
            "sources": [clean_source("a"), clean_source("b"), clean_source("c")],
            "picks": both,
            "refused": [],
            "record": "f.json:1",
            "timestamp": TIME,
        }
    ]
    assert notes == []
    assert counts == {"sources": 3, "picks": 2}


def test_a_source_in_neither_list_stays_among_the_shown_ones_only() -> None:
    [found], notes, _ = clean("reranker", ranking(negative_sources=[url("a")]))
    assert [source["url"] for source in found["sources"]] == [url("a"), url("b"), url("c")]
    assert found["refused"] == [url("a")]
    assert notes == []


def test_a_searchs_own_words_come_first_and_the_generator_is_kept_out() -> None:
    found, notes, counts = clean("rewriting", asked())
    assert found == [
        {
            "query": "how much tea?",
            "selected": [url("b"), url("c")],
            "searches": [
                {"query": "how much tea?", "sources": [clean_source("c")]},
                {"query": "tea consumption", "sources": [clean_source("a"), clean_source("b")]},
            ],
            "record": "f.json:1",
            "timestamp": TIME,
        }
    ]
    assert notes == []
    assert counts == {"sources": 3, "picks": 2, "searches": 2}


def test_a_preference_keeps_both_answers_and_which_was_chosen() -> None:
    found, notes, _ = clean("preferences", answered())
    assert found == [
        {
            "id": "p1",
            "query": "how much tea?",
            "response1": "Two cups.",
            "response2": "Three cups.\n\nOr four.",
            "selected_response": "response2",
            "sources": [clean_source("a")],
            "record": "f.json:1",
            "timestamp": TIME,
        }
    ]
    assert notes == []


def test_fields_that_nobody_asked_for_are_kept_out() -> None:
    sources = [shown(name, query_used="x", reasoning="y", rank=1) for name in "abc"]
    [found], notes, _ = clean("reranker", ranking(all_sources=sources, user="someone"))
    assert [set(source) for source in found["sources"]] == [{"url", "title", "snippet"}] * 3
    assert set(found) == {"query", "sources", "picks", "refused", "record", "timestamp"}
    assert notes == []


# Sources


def test_a_missing_snippet_is_empty_and_counted() -> None:
    bare = {"title": "Title of a", "url": url("a")}
    [found], notes, counts = clean(
        "reranker", ranking(all_sources=[bare, shown("b", snippet=None), shown("c")])
    )
    assert [source["snippet"] for source in found["sources"]] == ["", "", "All of c."]
    assert counts["sources without snippet"] == 2
    assert notes == []


def test_a_url_that_comes_back_is_one_source_at_its_first_place() -> None:
    again = [shown("a", query_used="tea"), shown("b"), shown("a", query_used="cups"), shown("c")]
    [found], notes, counts = clean("reranker", ranking(all_sources=again))
    assert [source["url"] for source in found["sources"]] == [url("a"), url("b"), url("c")]
    assert counts["sources again"] == 1
    assert notes == []


def test_what_the_first_copy_lacks_is_taken_from_a_later_one() -> None:
    again = [{"url": url("a")}, shown("b"), shown("a", title=None), shown("a", snippet="Other.")]
    [found], _, _ = clean("reranker", ranking(all_sources=[*again, shown("c")]))
    assert found["sources"][0] == clean_source("a")


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        ({"title": "no address"}, ".url", "nothing where a URL must stand"),
        ({"url": None}, ".url", "nothing where a URL must stand"),
        ({"url": 3}, ".url", "a number where a URL must stand"),
        ({"url": ""}, ".url", "an empty URL"),
        ({"url": "ftp://example.org/a"}, ".url", "not an http or https URL"),
        ({"url": "example.org"}, ".url", "not an http or https URL"),
        ({"url": "https://"}, ".url", "not an http or https URL"),
        ({"url": "https://example.org/a b"}, ".url", "not an http or https URL"),
        ({"url": "https://example.org/\ud800"}, ".url", "not an http or https URL"),
        ({"url": url("x" * 500)}, ".url", "a URL of 520 characters, more than feedback"),
        (shown("d", title=["Title"]), ".title", "a list where text must stand"),
        (shown("d", snippet={"text": "x"}), ".snippet", "an object where text must stand"),
        (shown("d", snippet=True), ".snippet", "a truth value where text must stand"),
        (None, "", "nothing where a source must stand"),
        (["d"], "", "a list where a source must stand"),
    ],
)
def test_one_bad_source_is_told_and_does_not_lose_the_record(
    bad: object, field: str, reason: str
) -> None:
    listed = [shown("a"), bad, shown("b"), shown("c")]
    [found], [note], _ = clean("reranker", ranking(all_sources=listed))
    assert [source["url"] for source in found["sources"]] == [url("a"), url("b"), url("c")]
    assert (note.action, note.column) == ("dropped", f"all_sources[1]{field}")
    assert note.reason.startswith(reason)
    assert note.remedy


def test_a_pick_whose_source_is_bad_goes_with_it_and_the_record_stays() -> None:
    listed = [shown("a"), shown("b"), shown("d", title=3), {"url": "ftp://x"}]
    picks = [url("b"), url("d"), "ftp://x"]
    [found], notes, _ = clean(
        "reranker",
        ranking(all_sources=listed, positive_sources=picks, negative_sources=[]),
    )
    assert found["picks"] == [url("b")]
    assert places(notes) == [
        ("dropped", "all_sources[2].title", "3"),
        ("dropped", "all_sources[3].url", "ftp://x"),
        ("dropped", "positive_sources", url("d")),
        ("dropped", "positive_sources", "ftp://x"),
    ]
    assert notes[-1].reason == "its source was set aside"


def test_a_good_copy_of_a_bad_source_is_enough() -> None:
    listed = [shown("a"), shown("b", title=3), shown("b"), shown("c")]
    [found], notes, _ = clean("reranker", ranking(all_sources=listed))
    assert found["picks"] == [url("b")]
    assert [note.column for note in notes] == ["all_sources[1].title"]


HTML = {
    "<b>un</b>employment": "unemployment",
    "<p class='a>b'>one</p><p>two</p>": "one two",
    "one<br/>two<BR>three": "one two three",
    "R&amp;D &lt;b&gt; &#65;&nbsp;&#x1F600;": "R&D <b> A 😀",
    "<!-- no --><script>var a = '<b>';</script>yes": "yes",
    '<a href="https://example.org/?a=1&amp;b=2">link</a>': "link",
    "&#0;&#xD800;": "\ufffd\ufffd",
}
PLAIN = ["x < 3 and y > 2", "List<String>", "AT&T, R&D", "a <3 b", "?a=1&copy=2", "<unknown> & <!"]


@pytest.mark.parametrize(("text", "words"), HTML.items())
def test_html_is_cleaned_to_its_words_and_told(text: str, words: str) -> None:
    listed = [shown("a", title=text), shown("b", snippet=text), shown("c")]
    [found], notes, _ = clean("reranker", ranking(all_sources=listed))
    assert (found["sources"][0]["title"], found["sources"][1]["snippet"]) == (words, words)
    assert places(notes) == [("kept", "all_sources[0].title", "")]
    assert "2 of its texts held HTML" in notes[0].reason


@pytest.mark.parametrize("text", PLAIN)
def test_text_that_only_looks_like_html_stays(text: str) -> None:
    [found], notes, _ = clean("reranker", ranking(all_sources=[shown("a", title=text), shown("b")]))
    assert found["sources"][0]["title"] == text
    assert [note for note in notes if note.action == "kept"] == []


@pytest.mark.parametrize("start", ["<a ", '<a "', "<script>", "<!--", "<style>", "&", "<p b='"])
def test_html_that_never_closes_takes_no_time(start: str) -> None:
    listed = [shown("a", snippet=start * 100_000), shown("b"), shown("c")]
    limits = Limits(longest_text=2000, most_sources=10, max_rejected=0)
    [_], notes, _ = clean("reranker", ranking(all_sources=listed), limits=limits)
    assert [note.action for note in notes][-1] == "kept"


def test_white_space_and_control_characters_become_one_space() -> None:
    listed = [shown("a", title=" one \n\t two\u2028three\x00four\x1b\x85 "), shown("b"), shown("c")]
    [found], _, _ = clean("reranker", ranking("\thow\r\nmuch \x07tea? ", all_sources=listed))
    assert found["sources"][0]["title"] == "one two three four"
    assert found["query"] == "how much tea?"


@pytest.mark.parametrize("field", ["title", "snippet"])
def test_a_text_of_a_megabyte_is_cut_and_told(field: str) -> None:
    listed = [shown("a", **{field: "tea " * 250_000}), shown("b"), shown("c")]
    [found], notes, _ = clean("reranker", ranking(all_sources=listed))
    assert found["sources"][0][field] == ("tea " * 50).strip()
    assert places(notes) == [("kept", f"all_sources[0].{field}", "")]
    assert "1 of its texts were cut to feedback.longest_text = 200" in notes[0].reason


def test_a_list_too_long_keeps_its_head_and_every_pick() -> None:
    listed = [shown(number) for number in range(500)]
    picks = [url(400), url(3)]
    record = ranking(
        all_sources=listed, positive_sources=picks, negative_sources=[url(4), url(450)]
    )
    [found], [note], _ = clean("reranker", record)
    assert [source["url"] for source in found["sources"]] == [*map(url, [*range(10), 400])]
    assert (found["picks"], found["refused"]) == (picks, [url(4)])
    assert (note.action, note.column) == ("dropped", "all_sources")
    assert note.reason == "500 sources, of which 11 are left"
    assert "feedback.most_sources" in note.remedy


def test_a_long_list_whose_tail_was_picked_loses_nothing() -> None:
    listed = [shown(number) for number in range(12)]
    record = ranking(all_sources=listed, positive_sources=[url(10), url(11)], negative_sources=[])
    [found], notes, _ = clean("reranker", record)
    assert len(found["sources"]) == 12
    assert notes == []


# Choices


def test_a_url_both_picked_and_refused_is_told_and_its_source_set_aside() -> None:
    record = ranking(positive_sources=[url("a"), url("b")], negative_sources=[url("a"), url("c")])
    [found], [note], _ = clean("reranker", record)
    assert [source["url"] for source in found["sources"]] == [url("b"), url("c")]
    assert (found["picks"], found["refused"]) == ([url("b")], [url("c")])
    assert (note.action, note.column, note.value) == ("dropped", "positive_sources", url("a"))
    assert "both picked and refused" in note.reason


def test_a_pick_that_was_never_shown_is_told_and_dropped() -> None:
    record = ranking(positive_sources=[url("z"), url("b")], negative_sources=[url("y")])
    [found], notes, _ = clean("reranker", record)
    assert (found["picks"], found["refused"]) == ([url("b")], [])
    assert places(notes) == [
        ("dropped", "positive_sources", url("z")),
        ("dropped", "negative_sources", url("y")),
    ]
    assert notes[0].reason == "a URL that was never shown"


def test_a_pick_made_twice_is_one_pick() -> None:
    [found], notes, _ = clean("reranker", ranking(positive_sources=[url("b"), f" {url('b')} "]))
    assert found["picks"] == [url("b")]
    assert notes == []


def test_a_pick_that_is_no_text_is_told_and_dropped() -> None:
    [found], notes, _ = clean("reranker", ranking(positive_sources=[url("b"), None, {"url": 1}]))
    assert found["picks"] == [url("b")]
    assert places(notes) == [
        ("dropped", "positive_sources[1]", "nothing"),
        ("dropped", "positive_sources[2]", "an object"),
    ]


def test_a_refused_source_that_says_what_a_picked_one_says_is_told() -> None:
    listed = [
        shown("a", title="Tea, by county", snippet="The cups of 2020"),
        shown("b", title="tea by counties", snippet="Cup of 2020."),
        shown("c", title="Tea, by county", snippet="The cups of 2021"),
        {"url": url("d")},
    ]
    refused = [url("a"), url("c"), url("d")]
    [found], [note], _ = clean("reranker", ranking(all_sources=listed, negative_sources=refused))
    assert found["refused"] == refused
    assert (note.action, note.column, note.value) == ("kept", "negative_sources", url("a"))


def test_a_list_in_which_nothing_was_picked_is_rejected() -> None:
    assert rejected("reranker", ranking(positive_sources=[])).column == "positive_sources"


@pytest.mark.parametrize("picks", [[url("z")], [None]])
def test_a_list_whose_picks_are_all_gone_is_rejected(picks: list[object]) -> None:
    note = rejected("reranker", ranking(positive_sources=picks))
    assert note.reason == "no source was picked, or none that is left"


def test_a_list_in_which_everything_was_picked_is_rejected() -> None:
    everything = [url("a"), url("b"), url("c")]
    note = rejected("reranker", ranking(positive_sources=everything, negative_sources=[]))
    assert note.column == "all_sources"
    assert "nothing to rank against" in note.reason


def test_the_refused_ones_may_be_missing() -> None:
    [found], notes, _ = clean("reranker", ranking(negative_sources=None))
    assert found["refused"] == []
    assert notes == []


# Records


WRONG = {
    "no object": (None, ""),
    "a list": ([ranking()], ""),
    "text": ("tea", ""),
    "no query": ({**ranking(), "query": None}, "query"),
    "an empty query": (ranking(" \n\u200b"), "query"),
    "a query of another type": (ranking(["tea"]), "query"),
    "a query of 5,000 words": (ranking("tea " * 5000), "query"),
    "no sources": (ranking(all_sources=None), "all_sources"),
    "sources of another type": (ranking(all_sources={"a": shown("a")}), "all_sources"),
    "nothing shown": (ranking(all_sources=[]), "all_sources"),
    "no good source shown": (ranking(all_sources=[{"url": url("b"), "title": 3}]), "all_sources"),
    "picks as text": (ranking(positive_sources=url("b")), "positive_sources"),
    "picks missing": (ranking(positive_sources=None), "positive_sources"),
    "refused as text": (ranking(negative_sources=url("a")), "negative_sources"),
}


@pytest.mark.parametrize(("value", "field"), WRONG.values(), ids=WRONG)
def test_a_record_of_the_wrong_form_is_rejected_with_field_and_remedy(
    value: object, field: str
) -> None:
    assert rejected("reranker", value).column == field


def test_what_a_record_must_hold_is_told_with_what_stands_there() -> None:
    note = rejected("reranker", ranking(positive_sources=url("b")))
    assert note.value == url("b")
    assert str(note) == (
        "f.json, record 2, positive_sources: a string where a list of URLs must stand; "
        "write [] if there is none."
    )


@pytest.mark.parametrize("query", ["お茶はいくつ？", "كم شاي؟", "☕", "Ёлка", "👩‍👩‍👧 tea", "١٢٣"])
def test_every_script_is_welcome(query: str) -> None:
    [found], notes, _ = clean("reranker", ranking(query))
    assert found["query"] == query
    assert notes == []


def test_a_record_that_was_delivered_twice_is_dropped_and_the_first_one_named() -> None:
    found, [note], _ = clean("reranker", ranking(), ranking("milk?"), ranking())
    assert len(found) == 2
    assert (note.action, note.line) == ("dropped", 3)
    assert note.reason == "the record f.json:1 again"


@pytest.mark.parametrize("kind", ["reranker", "rewriting", "preferences"])
def test_users_who_agree_at_two_times_are_two(kind: str) -> None:
    make: Any = {"reranker": ranking, "rewriting": asked, "preferences": answered}[kind]
    found, notes, _ = clean(kind, make(), make(timestamp="2025-02-01"))
    assert (len(found), notes) == (2, [])


def test_two_preferences_of_two_names_are_two() -> None:
    found, notes, _ = clean("preferences", answered(id="1"), answered(id="2"))
    assert (len(found), notes) == (2, [])


def test_a_picked_source_may_be_written_whole() -> None:
    whole = ranking(positive_sources=[{"url": url("b"), "title": "B"}])
    [found], notes, _ = clean("reranker", whole)
    assert (found["picks"], notes) == ([url("b")], [])


@pytest.mark.parametrize(
    "other",
    [
        ranking(positive_sources=[url("a")], negative_sources=[]),
        ranking(all_sources=[shown("c"), shown("b"), shown("a")]),
    ],
)
def test_the_same_question_with_another_choice_is_kept(other: object) -> None:
    found, notes, _ = clean("reranker", ranking(), other)
    assert [record["query"] for record in found] == ["how much tea?"] * 2
    assert notes == []


@pytest.mark.parametrize(
    "value", ["yesterday", "31.01.2025", "2025-13-01", 1738324800, "", [], "٢٠٢٥"]
)
def test_a_time_of_another_form_is_left_empty_and_told(value: object) -> None:
    [found], [note], _ = clean("reranker", ranking(timestamp=value))
    assert found["timestamp"] == ""
    assert (note.action, note.column) == ("kept", "timestamp")
    assert "nothing depends on it" in note.remedy


@pytest.mark.parametrize(
    "value",
    ["2025-01-31", "2025-01-31T12:00:00+02:00", "2025-01-31 12:00:00.123", "20250131T120000Z"],
)
def test_a_time_of_iso_8601_is_kept_as_it_is(value: str) -> None:
    [found], notes, _ = clean("reranker", ranking(timestamp=value))
    assert found["timestamp"] == value
    assert notes == []


def test_a_missing_time_is_counted_and_not_told() -> None:
    [found], notes, counts = clean("reranker", ranking(timestamp=None))
    assert found["timestamp"] == ""
    assert counts["records without timestamp"] == 1
    assert notes == []


def test_half_a_character_is_replaced_and_can_be_written() -> None:
    listed = [shown("a", title="tea \ud83d"), shown("b"), shown("c", snippet="\udc00")]
    found, _, _ = clean("reranker", ranking("tea \udfff?", all_sources=listed))
    assert found[0]["query"] == "tea \ufffd?"
    assert found[0]["sources"][0]["title"] == "tea \ufffd"
    json.dumps(found, ensure_ascii=False).encode()


def test_a_number_that_is_no_json_rejects_its_record_with_line_and_column() -> None:
    good = json.dumps(ranking())
    bad = json.dumps(ranking("milk?", score=float("nan")))
    write("reranker_training_data.json", f'{{"reranker_data": [{good},\n{bad}]}}')
    assert ingest("reranker").exit_code == 0
    [note] = notes_of("reranker")
    assert note["line"] == "2"
    assert note["reason"].startswith("line 2, column ")
    assert "NaN and Infinity are not JSON" in note["reason"]


# Searches


def mapping(**searches: object) -> dict[str, Any]:
    return {name.replace("_", " "): entry for name, entry in searches.items()}


def test_a_search_without_a_query_is_named_by_its_key() -> None:
    made = mapping(tea={"sources": [shown("b")]}, cups={"query": " ", "sources": [shown("c")]})
    made["milk"] = {"query": None, "sources": []}
    [found], notes, _ = clean("rewriting", asked(query_source_mapping=made))
    assert [search["query"] for search in found["searches"]] == ["tea", "milk"]
    assert [note.column for note in notes] == [
        "query_source_mapping[1].query",
        "selected_sources",
    ]


def test_the_original_question_may_be_missing_from_the_searches() -> None:
    made = mapping(tea={"sources": [shown("b")]}, cups={"sources": [shown("c")]})
    [found], notes, _ = clean("rewriting", asked(query_source_mapping=made))
    assert [search["query"] for search in found["searches"]] == ["tea", "cups"]
    assert notes == []


def test_a_source_of_a_search_may_be_no_more_than_its_url() -> None:
    made = mapping(tea={"sources": [url("b"), {"url": url("c")}]})
    [found], notes, counts = clean("rewriting", asked(query_source_mapping=made))
    bare = {"title": "", "snippet": ""}
    assert found["searches"][0]["sources"] == [clean_source("b", **bare), clean_source("c", **bare)]
    assert counts["sources without snippet"] == 2
    assert notes == []


def test_two_searches_of_the_same_words_are_joined_and_told() -> None:
    made = {
        "Tea, cups": {"sources": [shown("b")]},
        "milk": {"sources": []},
        "tea cups?": {"sources": [shown("c"), shown("b")]},
    }
    [found], [note], _ = clean("rewriting", asked(query_source_mapping=made))
    assert found["searches"] == [
        {"query": "Tea, cups", "sources": [clean_source("b"), clean_source("c")]},
        {"query": "milk", "sources": []},
    ]
    assert (note.action, note.column) == ("kept", "query_source_mapping[2]")


def test_searches_without_a_letter_are_not_taken_for_the_same() -> None:
    made = {"☕": {"sources": [shown("b")]}, "🍵": {"sources": [shown("c")]}}
    [found], notes, _ = clean("rewriting", asked(query_source_mapping=made))
    assert len(found["searches"]) == 2
    assert notes == []


def test_a_picked_source_that_no_search_brought_is_told_and_dropped() -> None:
    [found], [note], _ = clean("rewriting", asked(selected_sources=[url("z"), url("b")]))
    assert found["selected"] == [url("b")]
    assert (note.action, note.column, note.value) == ("dropped", "selected_sources", url("z"))


def test_two_hundred_searches_are_no_trouble() -> None:
    made = {f"tea {number}": {"sources": [shown(number)]} for number in range(200)}
    record = asked(query_source_mapping=made, selected_sources=[url(150)])
    [found], notes, _ = clean("rewriting", record)
    assert len(found["searches"]) == 200
    assert notes == []


def test_one_bad_search_is_told_and_does_not_lose_the_record() -> None:
    made = {
        "tea": {"sources": [shown("b"), 3]},
        "milk": [shown("c")],
        "cups": {"sources": url("c")},
        "x" * 300: {"sources": [shown("c")]},
    }
    [found], notes, _ = clean("rewriting", asked(query_source_mapping=made))
    assert [search["query"] for search in found["searches"]] == ["tea"]
    assert [(note.action, note.column) for note in notes] == [
        ("dropped", "query_source_mapping[0].sources[1]"),
        ("dropped", "query_source_mapping[1]"),
        ("dropped", "query_source_mapping[2].sources"),
        ("dropped", "query_source_mapping[3].query"),
        ("dropped", "selected_sources"),
    ]


WRONG_SEARCHES = {
    "no question": (asked(None), "original_query"),
    "no searches": (asked(query_source_mapping=None), "query_source_mapping"),
    "an empty mapping": (asked(query_source_mapping={}), "query_source_mapping"),
    "a list of searches": (asked(query_source_mapping=[]), "query_source_mapping"),
    "searches that brought nothing": (
        asked(query_source_mapping={"tea": {"query": "tea"}, "cups": {"sources": []}}),
        "query_source_mapping",
    ),
    "nothing picked": (asked(selected_sources=[]), "selected_sources"),
    "picks gone": (asked(selected_sources=[url("z")]), "selected_sources"),
    "picks as text": (asked(selected_sources=url("b")), "selected_sources"),
}


@pytest.mark.parametrize(("value", "field"), WRONG_SEARCHES.values(), ids=WRONG_SEARCHES)
def test_searches_of_the_wrong_form_are_rejected(value: object, field: str) -> None:
    assert rejected("rewriting", value).column == field


def test_the_same_searches_again_are_dropped() -> None:
    found, [note], _ = clean("rewriting", asked(), asked())
    assert len(found) == 1
    assert note.reason == "the record f.json:1 again"


# Preferences


@pytest.mark.parametrize("told", ["response2", "2", 2, "Three cups.\n\nOr four."])
def test_the_chosen_answer_may_be_told_by_field_number_or_text(told: object) -> None:
    [found], notes, _ = clean("preferences", answered(selected_response=told))
    assert found["selected_response"] == "response2"
    assert notes == []


WRONG_ANSWERS = {
    "neither": (answered(selected_response="both"), "selected_response"),
    "no choice": (answered(selected_response=None), "selected_response"),
    "an answer too few": (answered(response1=None), "response1"),
    "an empty answer": (answered(response2=" \n"), "response2"),
    "an answer of another type": (answered(response2=["x"]), "response2"),
    "the same answer twice": (answered(response2="Two cups. "), "response2"),
    "no question": (answered(""), "query"),
}


@pytest.mark.parametrize(("value", "field"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_a_preference_of_the_wrong_form_is_rejected(value: object, field: str) -> None:
    assert rejected("preferences", value).column == field


# Whatever a record holds

KEYS = st.sampled_from([*ranking(), *asked(), *answered(), "url", "title", "snippet", "sources"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([url("a"), url("b"), "", "<b>", "&amp;", "\ud800", TIME]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
GOOD = {"reranker": ranking, "rewriting": asked, "preferences": answered}


@pytest.mark.parametrize("kind", GOOD)
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_whatever_a_record_holds_the_good_ones_around_it_survive(
    kind: str, data: st.DataObject
) -> None:
    good = GOOD[kind]
    fields: Mapping[str, Any] = data.draw(st.dictionaries(st.sampled_from([*good()]), JSON))
    odd = data.draw(st.just({**good("odd?"), **fields}) | JSON)
    found, notes, _ = clean(kind, good("first?"), odd, good("last?"))
    assert [record["record"] for record in found if record["record"] != "f.json:2"] == [
        "f.json:1",
        "f.json:3",
    ]
    assert len(found) + sum(note.action == "rejected" for note in notes) == 3
    json.dumps([found, [*map(list, notes)]], ensure_ascii=False).encode()
    for record in found:
        assert_whole(kind, record)


def assert_whole(kind: str, record: Clean) -> None:
    """Check what every clean record promises."""
    assert record["query"].strip()
    if kind == "reranker":
        shown_urls = [source["url"] for source in record["sources"]]
        assert len(set(shown_urls)) == len(shown_urls)
        assert record["picks"]
        assert {*record["picks"]} < {*shown_urls}
        assert {*record["refused"]} <= {*shown_urls} - {*record["picks"]}
    if kind == "rewriting":
        searched = [source["url"] for it in record["searches"] for source in it["sources"]]
        assert record["selected"]
        assert {*record["selected"]} <= {*searched}


# The stage


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty project in which the stage may run."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    FOLDER.mkdir(parents=True)


def write(name: str, content: object) -> None:
    """Write a file of feedback: text as it is, records with their wrapper or a line each."""
    path = FOLDER / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, list) and path.suffix == ".jsonl":
        content = "".join(f"{json.dumps(record)}\n" for record in content)
    elif isinstance(content, list):
        wrapper = {"r": "reranker_data", "q": "query_rewriting_data", "t": "training_data"}
        content = json.dumps({wrapper.get(path.name[0], "corpus"): content})
    path.write_text(str(content), encoding="utf-8")


def ingest(kind: str) -> Result:
    """Return how one run of the stage ended."""
    return CliRunner().invoke(main, [kind])


def stopped(kind: str) -> str:
    """Return the message of a run that a mistake stopped; nothing took the clean file's name."""
    result = ingest(kind)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert f"{kind}.jsonl" not in outputs()
    return result.stderr


def notes_of(kind: str) -> list[dict[str, str]]:
    """Return the notes that a run wrote."""
    text = outputs()[f"{kind}.notes.csv"].decode()
    return list(csv.DictReader(StringIO(text, newline="")))


def records_of(kind: str) -> list[Clean]:
    """Return the clean records that a run wrote."""
    lines = outputs()[f"{kind}.jsonl"].decode().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def outputs() -> dict[str, bytes]:
    """Return the name and the bytes of each file that runs wrote, whatever its room."""
    return {path.name: path.read_bytes() for path in Path("data/clean").glob("*/*")}


def test_the_stage_writes_three_files_and_one_line() -> None:
    write("reranker_training_data.json", [ranking(), ranking("milk?", all_sources=3)])
    result = ingest("reranker")
    assert result.exit_code == 0
    assert result.stdout == (
        "reranker: 1 picks, 1 records, 2 refused, 1 rejected, 3 sources, "
        "0 sources without snippet\n"
        "  all that was rejected, dropped or odd: data/clean/reranker/reranker.notes.csv\n"
    )
    assert result.stderr == (
        "  rejected data/training_data/reranker_training_data.json, record 2, all_sources: "
        "a number where a list of sources must stand; write [] if nothing was shown.\n"
    )
    assert set(outputs()) == {"reranker.jsonl", "reranker.notes.csv", "reranker.counts.json"}
    assert records_of("reranker")[0]["record"] == f"{FOLDER}/reranker_training_data.json:1"


def test_a_clean_record_is_one_line_with_sorted_keys() -> None:
    write("reranker_training_data.json", [ranking("wie süß?\u2028"), ranking("milk?")])
    ingest("reranker")
    text = Path("data/clean/reranker/reranker.jsonl").read_text(encoding="utf-8")
    assert text.count("\n") == 2
    assert text.startswith('{"picks": ["https://example.org/b"], "query": "wie süß?", "record": ')


def test_files_of_a_kind_are_read_in_the_order_of_their_names() -> None:
    write("reranker_training_data_02.json", [ranking("second?")])
    write("reranker_training_data_03.jsonl", [ranking("third?"), ranking("fourth?")])
    write("reranker_training_data.json", [ranking("last?")])
    write("reranker_training_data_01.jsonl", [ranking("first?")])
    write("more/reranker_training_data.json", [ranking("zeroth?")])
    write(".old/reranker_training_data.json", "hidden")
    ingest("reranker")
    order = ["zeroth?", "last?", "first?", "second?", "third?", "fourth?"]
    assert [record["query"] for record in records_of("reranker")] == order


def test_a_kind_reads_no_file_of_another() -> None:
    write("reranker_training_data.json", [ranking()])
    write("query_rewriting_training_data.json", [asked()])
    write("training_data.json", [answered()])
    write("judgments.json", "not read")
    write("corpus.jsonl", "not read")
    for kind in ("reranker", "rewriting", "preferences"):
        assert ingest(kind).exit_code == 0
        assert len(records_of(kind)) == 1


@pytest.mark.parametrize(
    ("kind", "room"),
    [
        ("reranker", "reranker"),
        ("judgments", "reranker"),
        ("rewriting", "rewriter"),
        ("corpus", "rewriter"),
        ("qrels", "rewriter"),
        ("preferences", "preferences"),
    ],
)
def test_a_kinds_files_stand_in_the_folder_of_the_model_that_learns_from_it(
    kind: str, room: str
) -> None:
    write("reranker_training_data.json", [ranking()])
    write("query_rewriting_training_data.json", [asked()])
    ingest(kind)
    assert {path.parent.as_posix() for path in Path("data/clean").glob("*/*")} == {
        f"data/clean/{room}"
    }


@pytest.mark.parametrize("folder", [True, False])
def test_no_preferences_are_none(folder: bool) -> None:
    if not folder:
        FOLDER.rmdir()
    result = ingest("preferences")
    assert result.exit_code == 0
    assert result.stdout == "preferences: 0 records\n"
    assert outputs()["preferences.jsonl"] == b""
    assert json.loads(outputs()["preferences.counts.json"]) == {"records": 0}


@pytest.mark.parametrize(
    ("kind", "stem", "room"),
    [
        ("reranker", "reranker_training_data", "reranker"),
        ("rewriting", "query_rewriting_training_data", "rewriter"),
    ],
)
def test_a_kind_without_a_file_is_told_with_the_file_it_wants_and_how_to_do_without(
    kind: str, stem: str, room: str
) -> None:
    write("training_data.json", [answered()])
    message = stopped(kind)
    assert f"data/training_data holds no {stem}*.json or {stem}*.jsonl file; put at" in message
    assert message.endswith(
        f"put at least one there, or take {room} off `models` in params.yaml.\n"
    )
    assert outputs() == {}


def test_a_file_that_no_kind_reads_is_told_and_the_others_are_read() -> None:
    write("reranker_training_data.json", [ranking(), ranking("milk?", all_sources=3)])
    stray = ["feedback_march.json", "judgments.jsonl", "march/judgments.json"]
    read = ["judgments.json", ".hidden.json", ".ipynb_checkpoints/a.json", "notes.txt"]
    for name in stray + read:
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text("{}", encoding="utf-8")
    result = ingest("reranker")
    assert result.exit_code == 0
    begin = (
        "a file that nothing reads; let its name begin with reranker_training_data, "
        "query_rewriting_training_data, training_data, corpus, or be judgments.json in "
        f"{FOLDER}."
    )
    bad, *others = result.stderr.splitlines()
    assert bad.startswith("  rejected ")
    assert others == [f"  dropped {FOLDER.as_posix()}/{name}: {begin}" for name in stray]
    assert "3 dropped" in result.stdout
    notes = outputs()["reranker.notes.csv"].decode()
    assert all(f"{FOLDER.as_posix()}/{name}" in notes for name in stray)
    assert ingest("corpus").stderr == ""  # told once


def test_a_folder_or_a_hidden_file_is_no_file_of_a_kind(tmp_path: Path) -> None:
    (FOLDER / "training_data.json").mkdir()
    write("training_data.json/training_data.json", [answered()])
    write(".ipynb_checkpoints/training_data.json", [answered()])
    assert feedback_files("preferences", FOLDER) == [
        FOLDER / "training_data.json/training_data.json"
    ]


def test_running_twice_gives_the_same_bytes() -> None:
    write("query_rewriting_training_data.jsonl", [asked(), asked("milk?", selected_sources=[])])
    ingest("rewriting")
    first = outputs()
    ingest("rewriting")
    assert outputs() == first


def test_one_bad_line_of_a_jsonl_file_is_one_reject() -> None:
    good = [json.dumps(ranking(f"tea {number}?")) for number in range(3)]
    write("reranker_training_data.jsonl", "\n".join([good[0], good[1][:-9], good[2]]))
    assert ingest("reranker").exit_code == 0
    assert [record["query"] for record in records_of("reranker")] == ["tea 0?", "tea 2?"]
    [note] = notes_of("reranker")
    assert (note["action"], note["line"]) == ("rejected", "2")
    assert "not JSON" in note["reason"]


def test_a_file_that_breaks_off_stops_the_run_and_nothing_is_half_written() -> None:
    whole = json.dumps({"reranker_data": [ranking(), ranking("milk?")]})
    write("reranker_training_data.json", whole[:-50])
    message = stopped("reranker")
    assert "reranker_training_data.json: line 1, column " in message
    assert "the file breaks off here" in message
    assert "1 records were read before; fetch it again, whole." in message
    assert outputs() == {}


def test_too_many_rejects_stop_the_run_and_name_the_notes() -> None:
    bad = [ranking(f"tea {number}?", all_sources=[]) for number in range(7)]
    write("reranker_training_data.json", [ranking(), ranking("milk?"), *bad])
    message = stopped("reranker")
    assert "7 of 9 records were rejected, more than feedback.max_rejected = 0.5." in message
    assert message.count(", record ") == 5
    assert "All of them are in data/clean/reranker/reranker.notes.csv." in message
    assert len(notes_of("reranker")) == 7
    assert set(outputs()) == {"reranker.notes.csv", "reranker.counts.json"}


def test_feedback_without_a_record_stops_the_run() -> None:
    write("reranker_training_data.json", [])
    told = "the files hold none (a .json file has them under reranker_data)"
    assert f"there is no reranker record to use: {told}." in stopped("reranker")


def test_the_screen_never_shows_what_users_typed_or_read() -> None:
    secret = "secret"
    bad = [
        ranking(secret * 100),
        ranking(f"{secret} 2", positive_sources=secret),
        ranking(f"{secret} 3", all_sources=secret),
        ranking(f"{secret} 4", all_sources=[shown(secret)], positive_sources=[url(secret)]),
        {secret: secret},
    ]
    write("reranker_training_data.json", bad)
    assert secret not in stopped("reranker")
    write("query_rewriting_training_data.json", [asked(query_source_mapping={secret: {secret: 1}})])
    assert secret not in stopped("rewriting")
    write("training_data.json", [answered(selected_response=secret)])
    assert secret not in stopped("preferences")
    assert secret in notes_of("preferences")[0]["value"]


def test_a_misspelt_parameter_is_named() -> None:
    Path("params.yaml").write_text(PARAMS.replace("most_sources", "most"), encoding="utf-8")
    write("reranker_training_data.json", [ranking()])
    assert "feedback.most is not a known key" in stopped("reranker")


def test_the_starter_params_suit_the_stage() -> None:
    root = Path(__file__).parents[1]
    Path("params.yaml").write_bytes((root / "params.yaml").read_bytes())
    write("reranker_training_data.json", [ranking()])
    assert ingest("reranker").exit_code == 0

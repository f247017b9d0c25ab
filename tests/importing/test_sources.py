"""Every source: what its export says becomes feedback, and what it does not say is counted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findtune.core.files import read_jsonl
from findtune.importing.langfuse import cites
from findtune.importing.searches import rewriting_records
from findtune.importing.times import seconds, utc_time
from tests.importing.small_imports import EXPORTS, Import, rows_import


@pytest.fixture
def ubi() -> Import:
    return Import("ubi", "ubi_queries.ndjson", "ubi_events.json", documents="documents.jsonl")


def test_ubi_shows_the_hits_in_their_order_and_the_strongest_action_picks_first(
    ubi: Import,
) -> None:
    query = "kenya unemployment rate"
    assert ubi.urls(query) == ["https://stats.example/rate", "d5", "d1"]
    assert ubi.picks(query) == ["https://stats.example/rate", "d5"]
    assert [source["rank"] for source in ubi.lists[query]["all_sources"]] == [1, 2, 3]


def test_ubi_takes_titles_from_documents_and_from_events(ubi: Import) -> None:
    shown = ubi.lists["kenya unemployment rate"]["all_sources"]
    titles = [source.get("title") for source in shown]
    assert titles == ["Unemployment rate", "Labour force survey", "Out of work in Kenya"]


def test_ubi_counts_what_teaches_nothing_by_reason_and_line(ubi: Import) -> None:
    assert ubi.unused() == {
        "events of the action 'on_search', which is no pick": [1],
        "events whose query is in none of the files": [1],
        "lines that are not JSON": [7],
        "queries without a query_id": [8],
        "searches without a pick": [2, 6],
    }
    assert ubi.tally.unknown == {"experiment": 1, "event_attributes.object.colour": 1}


def test_ubi_sessions_keep_history_and_become_rewriting_records(ubi: Import) -> None:
    assert ubi.lists["kenya unemployment rate"].get("history") == ["jobless people kenya"]
    [record] = rewriting_records(ubi.feedback.searches)
    assert record["original_query"] == "jobless people kenya"
    assert [*record["query_source_mapping"]] == ["jobless people kenya", "kenya unemployment rate"]
    assert record["selected_sources"] == ["https://stats.example/rate", "d5"]


def test_ubi_reads_each_form_that_the_specification_allows_and_knows_all_its_fields() -> None:
    # numbers as ids, a place in pixels, a time without its zone
    ubi = Import("ubi", "ubi_specification.ndjson")
    query = "toner for my printer"
    assert (ubi.urls(query), ubi.picks(query)) == (["123", "124", "125"], ["124"])
    assert ubi.lists[query]["timestamp"] == "2018-11-13T20:20:39Z"
    assert (ubi.unused(), ubi.tally.unknown) == ({}, {})


def test_langfuse_needs_no_traces_where_observations_are_enriched() -> None:
    langfuse = Import(
        "langfuse", "langfuse_enriched_scores.jsonl", "langfuse_observations_v2.jsonl"
    )
    query = "how many people are out of work"
    assert langfuse.urls(query) == ["https://a.example", "https://b.example"]
    assert langfuse.picks(query) == ["https://b.example"]
    assert langfuse.lists[query]["session"]
    assert (langfuse.unused(), langfuse.tally.unknown) == ({}, {})


def test_langfuse_scores_that_name_a_shown_source_are_picks() -> None:
    langfuse = Import("langfuse", "langfuse_scores.jsonl", "langfuse_traces.json")
    query = "How many people are out of work?"
    assert langfuse.urls(query) == ["https://stats.example/a", "https://stats.example/b"]
    assert langfuse.picks(query) == ["https://stats.example/b"]
    assert langfuse.lists[query]["timestamp"] == "2026-03-02T08:02:00Z"
    assert langfuse.unused() == {
        "scores that a model gave (source EVAL)": [4],
        "scores without a trace whose input is a question": [5],
    }


def test_langfuse_thumbs_on_two_answers_to_one_question_are_a_preference() -> None:
    langfuse = Import("langfuse", "langfuse_scores.jsonl", "langfuse_traces.json")
    [record] = langfuse.preferences
    assert record[record["selected_response"]] == "About five in a hundred."
    assert {record["response1"], record["response2"]} == {
        "About five in a hundred.",
        "I do not know.",
    }


def test_open_webui_learns_the_cited_source_of_an_answer_that_was_rated_up() -> None:
    webui = Import("open-webui", "open_webui.json")
    query = "How many people are out of work?"
    assert webui.urls(query) == ["survey.pdf", "https://stats.example/b"]
    assert webui.picks(query) == ["https://stats.example/b"]
    assert webui.unused() == {"records without a rating of 1 or -1": [19]}
    assert webui.tally.unknown == {"data.mood": 1}


def test_open_webui_prefers_the_answer_beside_one_that_was_rated_down() -> None:
    [record] = Import("open-webui", "open_webui.json").preferences
    assert record["query"] == "What is bread?"
    assert record[record["selected_response"]] == "Baked dough."


def test_librechat_reads_messages_of_the_database_and_of_a_conversation() -> None:
    chat = Import("librechat", "librechat.jsonl", "librechat_conversation.json")
    assert chat.urls("How many people are out of work?") == ["F0", "F1"]
    assert chat.picks("How many people are out of work?") == ["F1"]
    assert chat.picks("What is bread?") == ["https://bread.example"]
    assert chat.lists["How many people are out of work?"]["timestamp"] == "2026-03-03T09:01:00Z"
    reason = "ratings of a message whose question is in none of the files"
    assert chat.unused() == {reason: [4]}
    assert chat.tally.unknown == {"halo": 1}


def test_librechat_does_not_read_what_an_answer_only_thought() -> None:
    chat = Import("librechat", "librechat.jsonl")
    assert not [rating for rating in chat.feedback.ratings if "hm" in rating.answer]


@pytest.mark.parametrize("junk", [5, {"a": 1}, [None]])
@pytest.mark.parametrize("name", ["messages", "document", "metadata", "sources"])
def test_a_field_of_another_kind_costs_one_rating_and_no_traceback(
    name: str, junk: object, tmp_path: Path
) -> None:
    text = (EXPORTS / "open_webui.json").read_text(encoding="utf-8")

    def spoil(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, name: junk} if name in value else value

    path = tmp_path / "export.json"
    path.write_text(json.dumps(json.loads(text, object_hook=spoil)), encoding="utf-8")
    assert Import("open-webui", f"{path}").tally.rows["ratings"] == 3


def ubi_query(*hits: str, question: str = "tea", second: int = 0) -> dict[str, Any]:
    time = f"2026-01-01T00:00:{second:02}Z"
    own = {"query_id": "q1", "user_query": question, "timestamp": time}
    return {**own, "query_response_hit_ids": [*hits]}


def ubi_click(key: str, time: str = "2026-01-01T00:00:30Z") -> dict[str, Any]:
    attributes = {"object": {"object_id": key}}
    own = {"action_name": "click", "query_id": "q1", "timestamp": time}
    return {**own, "event_attributes": attributes}


def test_ubi_pages_of_one_query_are_one_search(tmp_path: Path) -> None:
    pages = [ubi_query("c", "d", second=9), ubi_query("a", "b")]
    ubi = rows_import("ubi", tmp_path, *pages, ubi_click("d"))
    assert (ubi.urls("tea"), ubi.picks("tea")) == ([*"abcd"], ["d"])
    assert ubi.lists["tea"]["timestamp"] == "2026-01-01T00:00:00Z"


def test_a_ubi_page_without_a_time_follows_the_page_before_it(tmp_path: Path) -> None:
    untimed = {**ubi_query("c", "d"), "timestamp": ""}
    pages = [ubi_query("a", "b"), untimed, ubi_query("e", second=9)]
    ubi = rows_import("ubi", tmp_path, *pages, ubi_click("d"))
    assert (ubi.urls("tea"), ubi.picks("tea")) == ([*"abcde"], ["d"])
    assert ubi.lists["tea"]["timestamp"] == "2026-01-01T00:00:00Z"


def test_ubi_counts_a_query_id_that_another_question_has(tmp_path: Path) -> None:
    rows = [ubi_query("a", "b"), ubi_query("c", question="rice"), ubi_click("a")]
    ubi = rows_import("ubi", tmp_path, *rows)
    assert ubi.unused() == {"queries whose query_id belongs to another question": [2]}


def test_ubi_counts_clicks_whose_object_was_not_shown(tmp_path: Path) -> None:
    ubi = rows_import("ubi", tmp_path, ubi_query("a", "b"), ubi_click("sku-1"), ubi_click("a"))
    assert ubi.picks("tea") == ["a"]
    assert ubi.unused() == {"clicks on a source that was not shown": [2]}


@pytest.mark.parametrize("key", ["https://a.example/x/", "http://www.a.example/x?utm_source=m"])
def test_ubi_and_langfuse_know_a_shown_source_in_another_spelling(tmp_path: Path, key: str) -> None:
    hits = ["https://a.example/x", "https://b.example"]
    ubi = rows_import("ubi", tmp_path, ubi_query(*hits), ubi_click(key))
    assert (ubi.urls("tea"), ubi.picks("tea"), ubi.unused()) == (hits, hits[:1], {})
    trace = [
        {"id": "t1", "input": "tea", "output": "Green."},
        {"id": "o1", "trace_id": "t1", "type": "RETRIEVER", "output": hits},
    ]
    langfuse = rows_import("langfuse", tmp_path, *trace, langfuse_score(1, string_value=key))
    assert (langfuse.urls("tea"), langfuse.picks("tea")) == (hits, hits[:1])


@pytest.mark.parametrize("wrap", [lambda trace: trace, lambda trace: {"data": [trace]}])
def test_langfuse_reads_the_scores_that_the_api_puts_inside_a_trace(
    tmp_path: Path, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    trace, retriever = langfuse_trace()
    click = {"id": "s9", "traceId": "t1", "name": "opened", "dataType": "TEXT", "colour": "red"}
    click |= {"stringValue": "https://x.example/b", "value": 0, "source": "API"}
    inner = {"observations": [retriever], "scores": [click, UP | {"trace_id": None}, "s10"]}
    langfuse = rows_import("langfuse", tmp_path, wrap(trace | inner))
    assert langfuse.picks("how many?") == ["https://x.example/b"]
    assert len(langfuse.feedback.ratings) == 1
    assert langfuse.tally.rows == {"traces": 1, "scores": 2}
    assert langfuse.tally.unknown == {"colour": 1}


def test_langfuse_counts_a_score_once_that_is_also_inside_the_trace(tmp_path: Path) -> None:
    trace, retriever = langfuse_trace()
    langfuse = rows_import("langfuse", tmp_path, UP, trace | {"scores": [UP]}, retriever)
    assert len(langfuse.feedback.ratings) == 1


def test_clicks_within_one_second_keep_their_order(tmp_path: Path) -> None:
    clicks = [
        ubi_click("a", "2026-01-01T00:00:30.400Z"),
        ubi_click("b", "2026-01-01T00:00:30.000Z"),
    ]
    assert rows_import("ubi", tmp_path, ubi_query(*"abc"), *clicks).picks("tea") == ["b", "a"]


@pytest.mark.parametrize(("best", "picks"), [(5, []), (0.8, [["u"]])])
def test_langfuse_takes_one_of_five_stars_for_no_thumb_up(
    tmp_path: Path, best: float, picks: list[list[str]]
) -> None:
    sources = [{"url": "u", "text": "x"}, {"url": "v", "text": "y"}]
    rows = [
        {"id": "t1", "input": "how many?", "output": "see u"},
        {"id": "o1", "trace_id": "t1", "type": "RETRIEVER", "output": sources},
        *(
            {"id": f"s{value}", "trace_id": trace, "name": "stars", "value": value}
            | {"data_type": "NUMERIC", "source": "API"}
            for trace, value in (("t1", 1), ("t2", best))
        ),
    ]
    langfuse = rows_import("langfuse", tmp_path, *rows)
    assert [search.picks for search in langfuse.searches] == picks


@pytest.mark.parametrize(
    ("answer", "is_cited"),
    [
        ("See https://x.example/doc1.", True),
        ("Siehe [1](https://x.example/doc1), Seite 2", True),
        ("见https://x.example/doc1。", True),
        ("See https://x.example/doc10.", False),
        ("See https://x.example/doc1/part", False),
        ("See https://x.example/doc1?page=2", False),
    ],
)
def test_langfuse_takes_no_longer_address_for_a_citation(answer: str, is_cited: bool) -> None:
    assert cites(answer, "https://x.example/doc1") is is_cited


def test_langfuse_takes_no_number_of_an_answer_for_the_id_of_a_source() -> None:
    assert not cites("In 2012 there were 3.", "2")
    assert not cites("In 2012 there were 3.", "3")
    assert cites("There were three [3].", "3")
    assert not cites("See sub.faq-2 and faq-21.", "faq-2")


def test_langfuse_reads_a_question_of_brackets_as_text(tmp_path: Path) -> None:
    rows = [
        {"id": "t1", "input": "[" * 5000, "output": "?"},
        {"id": "s1", "trace_id": "t1", "name": "up", "value": 1, "data_type": "BOOLEAN"},
    ]
    [rating] = rows_import("langfuse", tmp_path, *rows).feedback.ratings
    assert rating.query == "[" * 5000


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+05:00", {"$date": "²"}, "soon", None])
def test_what_is_no_time_is_none(value: object) -> None:
    assert utc_time(value) == ""


@pytest.mark.parametrize(
    ("source", "names", "secrets"),
    [
        ("ubi", ["ubi_queries.ndjson", "ubi_events.json"], ["client-ann", "sess-1", "q2"]),
        ("langfuse", ["langfuse_scores.jsonl", "langfuse_traces.json"], ["@example.org"]),
        ("open-webui", ["open_webui.json"], ["user-ann", "c1"]),
        ("librechat", ["librechat.jsonl"], ["user-ann", "c1"]),
        ("csv", ["clicks.csv"], ["ann@example.org"]),
    ],
)
def test_no_id_of_a_user_is_in_a_record(source: str, names: list[str], secrets: list[str]) -> None:
    records = Import(source, *names)
    values = [*records.lists.values(), *records.preferences]
    values += [*rewriting_records(records.searches)]
    assert values
    texts = [str(value) for record in values for value in record.values()]
    assert not [text for text in texts for secret in secrets if secret in text.split("'")]
    assert all("@example.org" not in text for text in texts)
    assert read_jsonl(EXPORTS / "librechat.jsonl")  # the exports do hold ids


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28 10:00:00 UTC",  # of BigQuery
        "2026-11-28 10:00:00.000000 UTC",
        "Sat, 28 Nov 2026 11:00:00 +0100",
        "/Date(1795860000000)/",
    ],
)
def test_a_time_is_read_in_every_form_that_ingest_reads(text: str) -> None:
    assert seconds(utc_time(text)) == seconds("2026-11-28T10:00:00Z")


def test_clicks_without_a_query_are_listed_in_the_order_of_the_export(tmp_path: Path) -> None:
    clicks = [ubi_click("a") | {"query_id": f"gone {number}"} for number in range(30)]
    ubi = rows_import("ubi", tmp_path, *clicks)
    assert ubi.unused() == {"events whose query is in none of the files": [*range(1, 31)]}


def open_webui_chat(number: int) -> dict[str, Any]:
    chat = {"history": {"messages": {}}}
    return {"id": f"c{number}", "user_id": "u", "title": "x", "chat": chat, "meta": {}}


def test_open_webui_takes_a_chat_for_no_rating(tmp_path: Path) -> None:
    chats = rows_import("open-webui", tmp_path, open_webui_chat(1), {"name": "ann"})
    assert chats.tally.rows == {}
    assert chats.unused() == {
        "chats, which are not the feedback that Evaluations exports": [1],
        "records that are not feedback": [2],
    }
    assert chats.tally.unknown == {}


@pytest.mark.parametrize("record", [open_webui_chat(1), {"messages": [{"$oid": "1"}]}, {"a": 1}])
def test_librechat_takes_another_record_for_no_message(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    chats = rows_import("librechat", tmp_path, record)
    assert chats.tally.rows == {}
    assert chats.unused() == {"records that are not messages": [1]}


def langfuse_trace(answer: str = "See https://x.example/a.") -> list[dict[str, Any]]:
    sources = [{"url": f"https://x.example/{name}", "text": name} for name in "abc"]
    return [
        {"id": "t1", "input": "how many?", "output": answer},
        {"id": "o1", "trace_id": "t1", "type": "RETRIEVER", "output": sources},
    ]


def langfuse_score(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "trace_id": "t1", "name": "x", "data_type": "CATEGORICAL", **fields}


UP = langfuse_score(1, value=1, data_type="BOOLEAN")


def langfuse_click(name: str) -> dict[str, Any]:
    return langfuse_score(2 + "abc".index(name), string_value=f"https://x.example/{name}")


@pytest.mark.parametrize("clicked", ["a", "b"])
@pytest.mark.parametrize("is_first", [True, False])
def test_langfuse_takes_a_click_before_what_the_answer_cites(
    tmp_path: Path, clicked: str, is_first: bool
) -> None:
    scores = [langfuse_click(clicked), UP] if is_first else [UP, langfuse_click(clicked)]
    langfuse = rows_import("langfuse", tmp_path, *scores, *langfuse_trace())
    [search] = langfuse.searches
    assert search.picks == [f"https://x.example/{clicked}"]
    assert len(langfuse.feedback.ratings) == 1  # which may still be a preference


def test_langfuse_learns_what_the_answer_cites_where_nothing_was_clicked(tmp_path: Path) -> None:
    langfuse = rows_import("langfuse", tmp_path, UP, *langfuse_trace())
    [search] = langfuse.searches
    assert search.picks == ["https://x.example/a"]


def test_langfuse_learns_what_the_answer_cites_where_everything_was_clicked(tmp_path: Path) -> None:
    scores = [UP, *map(langfuse_click, "abc")]  # picks of everything shown make no list
    langfuse = rows_import("langfuse", tmp_path, *scores, *langfuse_trace())
    assert langfuse.picks("how many?") == ["https://x.example/a"]
    assert langfuse.feedback.replaced == set()
    reason = "searches in which everything shown was picked"
    assert [*langfuse.unused()] == [reason]

"""What the rewriter reads at the command line: searches, the corpus, and judgments of its own.

What a clean record of searches is stands in test_feedback.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_feedback import (
    TIME,
    asked,
    clean_source,
    ingest,
    notes_of,
    outputs,
    project,
    records_of,
    shown,
    stopped,
    url,
    write,
)

from findtune.splits import fold

__all__ = ["project"]  # in which every test runs
SEARCHES = "query_rewriting_training_data.json"
MANY = "a " * 5000
SCRIPTS = ["お茶はいくつ？", "كم شاي؟", "☕", "Ёлка", "👩‍👩‍👧 tea", "١٢٣", "चाय कितनी?"]


def searches(**made: Any) -> dict[str, Any]:
    """Return a mapping of searches: each has a name, and brought the sources of its letters."""
    return {
        name.replace("_", " "): {"sources": [shown(letter) for letter in brought]}
        for name, brought in made.items()
    }


def told(kind: str) -> list[tuple[str, str, str]]:
    """Return what was done with which record, and the field that was wrong."""
    return [(note["action"], note["line"], note["column"]) for note in notes_of(kind)]


# Searches


def test_each_clean_record_of_searches_is_one_line_of_json_in_the_rewriters_room() -> None:
    odd = asked("wie\nsüß?\u2028\x85", query_source_mapping=searches(tea="bc", milk="a"))
    write(SEARCHES, [asked(), odd, asked("none?", selected_sources=[]), asked("milk?")])
    assert ingest("rewriting").exit_code == 0
    raw = Path("data/clean/rewriter/rewriting.jsonl").read_bytes()
    assert raw.endswith(b"\n")
    lines = raw.decode().removesuffix("\n").split("\n")
    assert [json.loads(line)["query"] for line in lines] == ["how much tea?", "wie süß?", "milk?"]
    assert [len(line.splitlines()) for line in lines] == [1, 1, 1]
    assert [json.loads(line)["record"][-2:] for line in lines] == [":1", ":2", ":4"]


BROKEN = {
    "not JSON": ('{"query_rewriting_data": [\n  {"original_query": tea}\n]}', "line 2, column 22"),
    "single quotes": ("{'query_rewriting_data': []}", "line 1, column 2"),
    "broken off": (json.dumps({"query_rewriting_data": [asked()]})[:-9], "breaks off here"),
    "another wrapper": ('{"searches": []}', "no key query_rewriting_data: found the keys 'sea"),
    "no wrapper": (json.dumps([asked()]), "the file is no object"),
    "a wrapped object": ('{"query_rewriting_data": {}}', "query_rewriting_data is no list"),
    "empty": ("", "is empty"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_file_of_searches_that_can_not_be_read_stops_the_run(content: str, reason: str) -> None:
    write(SEARCHES, content)
    message = stopped("rewriting")
    assert SEARCHES in message
    assert reason in message
    assert outputs() == {}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (MANY, "a question of 9,999 characters, at most 200 are read"),
        (" \n\u200b", "an empty question"),
        ("", "an empty question"),
        (None, "nothing where a question must stand"),
    ],
)
def test_a_question_too_long_or_empty_is_rejected_and_the_others_stay(
    query: object, reason: str
) -> None:
    write(SEARCHES, [asked(), asked(query), asked("milk?")])
    assert reason in ingest("rewriting").stderr
    assert [it["query"] for it in records_of("rewriting")] == ["how much tea?", "milk?"]
    assert told("rewriting") == [("rejected", "2", "original_query")]


def test_a_search_of_5000_words_is_dropped_and_its_record_stays() -> None:
    made = {**searches(tea="b"), MANY: {"sources": [shown("c")]}}
    write(SEARCHES, [asked(query_source_mapping=made, selected_sources=[url("b")])])
    ingest("rewriting")
    [found] = records_of("rewriting")
    assert [it["query"] for it in found["searches"]] == ["tea"]
    assert told("rewriting") == [("dropped", "1", "query_source_mapping[1].query")]


def test_every_script_may_ask_and_search() -> None:
    made = {name: {"query": name, "sources": [shown("b")]} for name in SCRIPTS}
    write(SEARCHES, [asked(query, query_source_mapping=made) for query in SCRIPTS])
    ingest("rewriting")
    found = records_of("rewriting")
    assert [it["query"] for it in found] == SCRIPTS
    for it in found:
        assert it["searches"][0]["query"] == it["query"]
        assert {search["query"] for search in it["searches"]} == {*SCRIPTS}


def test_html_in_what_a_search_brought_is_cleaned_and_told() -> None:
    brought = [shown("b", title="<b>Tea</b> &amp; milk", snippet="<p>one</p><p>two</p>")]
    made = {"tea": {"sources": brought}}
    write(SEARCHES, [asked(query_source_mapping=made)])
    ingest("rewriting")
    [found] = records_of("rewriting")
    assert found["searches"][0]["sources"] == [
        clean_source("b", title="Tea & milk", snippet="one two")
    ]
    field = "query_source_mapping[0].sources[0].title"
    assert told("rewriting") == [("dropped", "1", "selected_sources"), ("kept", "1", field)]


def test_a_number_that_is_no_json_costs_one_record_of_searches() -> None:
    write(SEARCHES, [asked(), asked("milk?", score=float("nan")), asked("cups?")])
    assert ingest("rewriting").exit_code == 0
    assert [it["query"] for it in records_of("rewriting")] == ["how much tea?", "cups?"]
    [note] = notes_of("rewriting")
    assert (note["action"], note["line"]) == ("rejected", "2")
    assert "NaN and Infinity are not JSON" in note["reason"]


def test_searches_of_a_time_that_is_none_are_kept_without_it() -> None:
    write(SEARCHES, [asked(), asked("milk?", timestamp="31.01.2025")])
    ingest("rewriting")
    assert [it["timestamp"] for it in records_of("rewriting")] == [TIME, ""]
    assert told("rewriting") == [("kept", "2", "timestamp")]


def test_searches_read_twice_are_one_record() -> None:
    write(SEARCHES, [asked(), asked("milk?")])
    write("query_rewriting_training_data_02.jsonl", [asked(), asked("cups?")])
    ingest("rewriting")
    queries = [it["query"] for it in records_of("rewriting")]
    assert queries == ["how much tea?", "milk?", "cups?"]
    [note] = notes_of("rewriting")
    assert (note["action"], note["line"]) == ("dropped", "1")
    assert note["reason"].endswith(f"{SEARCHES}:1 again")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(queries=st.lists(st.text(max_size=12), max_size=6))
def test_whatever_was_searched_a_clean_search_is_one_line_and_there_once(
    queries: list[str],
) -> None:
    made = {query: {"sources": [shown("c")]} for query in queries} | searches(tea="b")
    write(SEARCHES, [asked(query_source_mapping=made)])
    assert ingest("rewriting").exit_code == 0
    [found] = records_of("rewriting")
    searched = [it["query"] for it in found["searches"]]
    assert [len(query.splitlines()) for query in searched] == [1] * len(searched)
    assert len({fold(query) or query for query in searched}) == len(searched) <= len(made)
    assert found["selected"][0] == url("b")


# The corpus


def page(name: str, **more: object) -> dict[str, Any]:
    return {"url": url(name), "title": f"Title of {name}", "text": f"All of {name}.", **more}


def test_no_corpus_is_none() -> None:
    result = ingest("corpus")
    assert (result.exit_code, result.stdout) == (0, "corpus: 0 records\n")
    assert outputs()["corpus.jsonl"] == b""


@pytest.mark.parametrize("name", ["corpus.json", "corpus.jsonl"])
def test_a_text_of_the_corpus_is_its_snippet(name: str) -> None:
    bare = {"url": url("d")}
    pages = [page("a"), page("b", snippet="Cups.", text="Long."), page("c", snippet=""), bare]
    write(name, pages)
    assert ingest("corpus").stdout == "corpus: 4 records, 4 sources, 1 sources without snippet\n"
    assert [dict(it, record="") for it in records_of("corpus")] == [
        clean_source("a", record=""),
        clean_source("b", record="", snippet="Cups."),
        clean_source("c", record=""),
        clean_source("d", record="", title="", snippet=""),
    ]
    assert records_of("corpus")[1]["record"] == f"data/training_data/{name}:2"


def test_a_bad_line_of_the_corpus_is_told_with_its_number() -> None:
    pages = [page("a"), page("b"), page("c", url="ftp://x"), page("d", title=3), page("e")]
    lines = [json.dumps(it) for it in [*pages, ["f"], *map(page, "ghi")]]
    lines[1] = lines[1][:-5]
    write("corpus.jsonl", "\n".join(lines))
    result = ingest("corpus")
    assert result.exit_code == 0
    assert [it["url"][-1] for it in records_of("corpus")] == list("aeghi")
    assert [it["record"][-2:] for it in records_of("corpus")] == [":1", ":5", ":7", ":8", ":9"]
    assert [place[:2] for place in told("corpus")] == [*[("rejected", number) for number in "2346"]]
    assert "corpus.jsonl, record 2: line 2, column " in result.stderr
    for note in notes_of("corpus"):
        assert note["reason"]
        assert note["remedy"]


def test_a_source_that_the_corpus_has_twice_is_read_once_and_told() -> None:
    write("corpus.jsonl", [page("a"), page("b"), page("a", text="Other.")])
    ingest("corpus")
    assert [it["snippet"] for it in records_of("corpus")] == ["All of a.", "All of b."]
    [note] = notes_of("corpus")
    assert (note["action"], note["line"]) == ("dropped", "3")
    assert note["reason"] == "the record data/training_data/corpus.jsonl:1 again"


def test_a_corpus_is_cleaned_and_cut_as_what_was_shown() -> None:
    write("corpus.jsonl", [page("a", title="<b>Tea</b>", text="tea " * 500)])
    ingest("corpus")
    [found] = records_of("corpus")
    assert (found["title"], found["snippet"]) == ("Tea", ("tea " * 50).strip())
    assert [note["action"] for note in notes_of("corpus")] == ["kept", "kept"]


def test_a_corpus_of_which_too_much_is_bad_stops_the_run() -> None:
    write("corpus.jsonl", [page("a"), *({"title": "no address"} for _ in range(3))])
    message = stopped("corpus")
    assert "3 of 4 records were rejected, more than feedback.max_rejected = 0.5." in message
    assert "data/clean/rewriter/corpus.notes.csv" in message


# Judgments


def test_the_rewriter_has_the_same_judgments_in_its_own_room() -> None:
    write("judgments.json", json.dumps({"how  much tea?": {url("a"): 3, url("b"): "good"}}))
    assert ingest("qrels").stdout.startswith("qrels: 1 judgments, 1 questions, 1 rejected\n")
    assert {path.parent.name for path in Path("data/clean").glob("*/*")} == {"rewriter"}
    assert ingest("judgments").exit_code == 0
    found = outputs()
    assert json.loads(found["qrels.json"]) == {"how much tea?": {url("a"): 3}}
    for end in ("json", "notes.csv", "counts.json"):
        assert found[f"qrels.{end}"] == found[f"judgments.{end}"]


def test_no_judgments_are_none_for_the_rewriter_too() -> None:
    assert ingest("qrels").exit_code == 0
    assert json.loads(outputs()["qrels.json"]) == {}


def test_judgments_that_are_not_json_stop_the_run() -> None:
    write("judgments.json", '{"how much tea?": {\n  "a":')
    assert "judgments.json, line 2, column 7: not JSON" in stopped("qrels")
    assert outputs() == {}


def test_the_rewriters_kinds_give_the_same_bytes_twice() -> None:
    write(SEARCHES, [asked(), asked("milk?", selected_sources=[])])
    write("corpus.jsonl", [page("a"), page("b", url="")])
    write("judgments.json", json.dumps({"tea?": {url("a"): 1, url("b"): -1}}))
    runs = []
    for _ in range(2):
        assert [ingest(kind).exit_code for kind in ("rewriting", "corpus", "qrels")] == [0, 0, 0]
        runs.append(outputs())
    assert runs[0] == runs[1]
    assert len(runs[0]) == 9

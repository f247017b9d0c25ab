"""A clean record of searches has each query once, its own first, and the documents picked."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findtune.core.text import normalize

MAPPING = "query_source_mapping"
B, C = "https://example.org/b", "https://example.org/c"


def clean(project: Any, mapping: dict[str, Any], **fields: object) -> tuple[list[Any], Any]:
    """Return the searches of a record in which b and c are picked, and the outcome.

    A search that is given as text returned the documents of its letters.
    """
    full = {
        name: {"sources": [*map(project.document, entry)]} if isinstance(entry, str) else entry
        for name, entry in mapping.items()
    }
    record, outcome = project.clean_one("searches", **{MAPPING: full, **fields})
    return record["searches"], outcome


def queries(searches: list[Any]) -> list[str]:
    return [search["query"] for search in searches]


def test_the_search_of_the_original_query_comes_first(project: Any) -> None:
    record, outcome = project.clean_one("searches", query_generator="t5")
    sources = [*map(project.document, "abc")]
    assert record == {
        "query": "how much tea?",
        "selected": [project.url("b"), project.url("c")],
        "searches": [
            {"query": "how much tea?", "sources": sources[2:]},
            {"query": "tea consumption", "sources": sources[:2]},
        ],
        "history": [],
        "topic": "",
        "record": "data/training_data/query_rewriting_training_data.json:1",
        "timestamp": "2025-01-31T12:00:00Z",
    }
    assert outcome.rows == []
    assert +outcome.counts == {"records": 1, "documents": 3, "picks": 2, "searches": 2}


def test_different_searches_keep_their_order_where_none_has_the_original_query(
    project: Any,
) -> None:
    mapping = {"☕": "b", "🍵": "c", **{f"tea {number}": "" for number in range(200)}}
    searches, outcome = clean(project, mapping)
    assert queries(searches) == [*mapping]
    assert outcome.rows == []


def test_a_search_without_a_query_takes_the_name_under_which_it_is_listed(project: Any) -> None:
    cups = {"query": " ", "sources": [project.document("c")]}
    searches, outcome = clean(project, {"tea": "b", "cups": cups, "milk": {"query": None}})
    assert queries(searches) == ["tea", "milk"]
    columns = [row.column for row in outcome.rows]
    assert columns == [f"{MAPPING}[1].query", "selected_sources"]


@pytest.mark.parametrize(
    ("written", "searched"),
    [
        (["1. cups", "2. milk a day"], ["cups", "milk a day"]),
        (["- cups", "- milk"], ["cups", "milk"]),
        (["1) how much tea?", "2) cups"], ["how much tea?", "cups"]),
        (["1. Tea, cups", "2. tea cups?"], ["Tea, cups"]),
    ],
)
def test_searches_that_a_model_wrote_as_a_list_lose_its_numbers_and_this_is_reported_once(
    project: Any, written: list[str], searched: list[str]
) -> None:
    searches, outcome = clean(project, {"how much tea?": "b", **dict.fromkeys(written, "bc")})
    assert queries(searches) == [*dict.fromkeys(["how much tea?", *searched])]
    assert ("kept", MAPPING, "") in outcome.changes
    assert [row.reason for row in outcome.rows].count("searches with the numbers of a list") == 1


@pytest.mark.parametrize(
    "written",
    [
        ["1 bed flats", "2 bed houses", "3 room homes"],
        ["2. Liga", "milk"],
        ["3 cups", "1. Liga"],
        ["1. FC Köln Tabelle"],
        ["1. FC Köln Tabelle", "Bundesliga"],
        ["10. Klasse Mathe", "11. Klasse Physik"],
        ["e. coli cases", "f. tularensis outbreaks"],
    ],
)
def test_numbers_that_belong_to_searches_stay(project: Any, written: list[str]) -> None:
    searches, outcome = clean(project, {"how much tea?": "bc", **dict.fromkeys(written, "b")})
    assert queries(searches) == ["how much tea?", *written]
    assert outcome.rows == []


def test_two_searches_of_the_same_words_are_merged_and_reported(project: Any) -> None:
    searches, outcome = clean(project, {"Tea, cups": "b", "milk": "", "tea cups?": "cb"})
    assert searches == [
        {"query": "Tea, cups", "sources": [project.document("b"), project.document("c")]},
        {"query": "milk", "sources": []},
    ]
    assert outcome.changes == [("kept", f"{MAPPING}[2]", "tea cups?")]


def test_a_bad_search_or_pick_is_dropped_and_its_record_stays(project: Any) -> None:
    tea = {"sources": [project.url("b"), 3]}
    cups = {"sources": 7}
    mapping = {"tea": tea, "milk": 8, "cups": cups, "x" * 300: "c"}
    searches, outcome = clean(project, mapping)
    document = project.document("b", title="", snippet="")
    assert searches == [{"query": "tea", "sources": [document]}]
    assert outcome.records[0]["selected"] == [project.url("b")]
    places = [f"{MAPPING}[{place}" for place in ("0].sources[1]", "1]", "2].sources", "3].query")]
    assert [row.column for row in outcome.rows] == [*places, "selected_sources"]
    assert {row.action for row in outcome.rows} == {"dropped"}


def test_earlier_questions_and_a_topic_are_kept_and_bad_ones_cost_no_record(project: Any) -> None:
    record, outcome = project.clean_one("searches", history=["tea", 3, " "], topic=7)
    assert (record["history"], record["topic"]) == (["tea"], "7")
    columns = [("dropped", f"history[{index}]") for index in (1, 2)]
    assert [change[:2] for change in outcome.changes] == columns
    record, outcome = project.clean_one("searches", history="tea", topic=[True])
    assert (record["history"], record["topic"]) == ([], "")
    assert [change[:2] for change in outcome.changes] == [
        ("dropped", "history"),
        ("dropped", "topic"),
    ]


FORMS: list[Any] = [
    [{"query": "tea", "sources": [B]}, {"query": "cup", "sources": [C]}],
    {"tea": [{"url": B}], "cup": [{"url": C}]},
    {"tea": [B], "cup": [C]},
    {"tea": {"results": [{"url": B}]}, "cup": {"documents": [C]}},
    {"1": {"text": "tea", "hits": [B]}, "2": {"search": "cup", "urls": [C]}},
    {"tea": {"sources": B}, "cup": {"sources": C}},
    {"tea": B, "cup": C},
    [["tea", [B]], ["cup", C]],
    [{"tea": {"sources": [B]}}, {"cup": [C]}],
    {"tea": {"sources": {B: ""}}, "cup": {"sources": {C: {"title": ""}}}},
    {"tea": {B: ""}, "cup": {C: {"title": ""}}},
    {"tea": {"hits": {"hits": [{"_id": B}]}}, "cup": {"items": [C]}},
    [{"search_query": "tea", "search_results": [B]}, {"Q": "cup", "docs": [C]}],
    '{"tea": ["https://example.org/b"], "cup": ["https://example.org/c"]}',
]


@pytest.mark.parametrize("mapping", FORMS)
def test_searches_are_read_in_the_forms_that_people_write(project: Any, mapping: Any) -> None:
    record, outcome = project.clean_one("searches", **{MAPPING: mapping})
    assert queries(record["searches"]) == ["tea", "cup"]
    urls = [[page["url"] for page in search["sources"]] for search in record["searches"]]
    assert urls == [[B], [C]]
    assert outcome.rows == []


def test_a_search_that_found_nothing_may_have_other_lists(project: Any) -> None:
    mapping = {"tea": [B], "cup": {"tags": ["a"], "filters": [{"field": "x"}], "sources": None}}
    record, outcome = project.clean_one("searches", **{MAPPING: mapping})
    assert queries(record["searches"]) == ["tea", "cup"]
    assert [row.column for row in outcome.rows] == ["selected_sources"]


def test_documents_under_an_unknown_key_are_named_as_the_cause(project: Any) -> None:
    mapping = [{"query": "tea", "fundstellen": [B]}]
    outcome = project.clean("searches", project.search_record(**{MAPPING: mapping}))
    [row] = [row for row in outcome.rows if row.action == "rejected"]
    assert "under the key 'fundstellen'" in row.reason
    assert row.remedy == "call the list sources"


def test_a_page_has_one_spelling_in_all_searches_of_a_record(project: Any) -> None:
    mapping = {"tea": [B], "cup": [f"{B}/#top", C]}
    record, outcome = project.clean_one(
        "searches", **{MAPPING: mapping}, selected_sources=[f"{B}?utm_id=1"]
    )
    urls = [[page["url"] for page in search["sources"]] for search in record["searches"]]
    assert urls == [[B], [B, C]]
    assert record["selected"] == [B]


def test_a_question_without_a_pick_is_dropped_and_is_no_reject(project: Any) -> None:
    records = [project.search_record(selected_sources=value) for value in ([], None)]
    outcome = project.clean("searches", *records)
    assert [(row.action, row.reason) for row in outcome.rows] == [
        ("dropped", "records without a pick")
    ] * 2


@pytest.mark.parametrize("picked", [[B], ["https://example.org/a", B, C]])
def test_picks_under_another_key_are_named(project: Any, picked: list[str]) -> None:
    record = project.search_record(selected_sources=None, positive_sources=picked)
    [row] = project.clean("searches", record).rows
    assert (row.action, row.column) == ("rejected", "selected_sources")
    assert row.remedy.startswith("rename positive_sources to selected_sources, if")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(max_size=12), max_size=6))
def test_every_clean_search_has_a_query_of_one_line_that_no_other_has(
    project: Any, names: list[str]
) -> None:
    mapping = {**dict.fromkeys(names, "c"), "tea": "b"}
    searches, outcome = clean(project, mapping)
    clean_queries = queries(searches)
    assert [len(query.splitlines()) for query in clean_queries] == [1] * len(clean_queries)
    keys = {normalize(query) or query for query in clean_queries}
    assert len(keys) == len(clean_queries) <= len(mapping)
    assert outcome.records[0]["selected"][0] == project.url("b")


def test_the_session_of_a_record_of_searches_is_kept_as_a_hash(project: Any) -> None:
    [asker] = project.clean_one("searches", session="s1")[0]["asked_by"]
    assert asker.startswith("session:") and "s1" not in asker.partition(":")[2]


ONE = {"url": B, "title": "T", "snippet": "s"}


@pytest.mark.parametrize("key", ["sources", "results", "hits"])
def test_a_document_may_stand_for_a_list_of_one(project: Any, key: str) -> None:
    record, _ = project.clean_one("searches", **{MAPPING: {"tea": {key: ONE}}})
    assert [search["sources"] for search in record["searches"]] == [[ONE]]


def test_a_list_of_documents_may_have_an_id_and_a_document_may_have_links(project: Any) -> None:
    listed = {"id": "s1", "title": "tea", "results": [{"url": B}, {"url": C}]}
    linked = {**ONE, "links": [C, B]}
    fields = {MAPPING: {"tea": {"results": listed}, "cup": {"results": linked}}}
    record, _ = project.clean_one("searches", **fields, selected_sources=[B])
    urls = [[page["url"] for page in search["sources"]] for search in record["searches"]]
    assert urls == [[B, C], [B]]


@pytest.mark.parametrize(
    "hits", [{"total": 3, "max_score": 1.5}, {"total": {"value": 0, "relation": "eq"}}]
)
def test_the_number_of_hits_is_no_document(project: Any, hits: object) -> None:
    fields = {MAPPING: {"tea": [B], "cup": {"hits": hits}}, "selected_sources": [B]}
    record, outcome = project.clean_one("searches", **fields)
    assert [len(search["sources"]) for search in record["searches"]] == [1, 0]
    assert outcome.rows == []


@pytest.mark.parametrize("sources", [{}, [], None, {"hits": {}}, {"hits": {"total": 0}}])
def test_a_search_may_have_found_nothing_in_any_form(project: Any, sources: object) -> None:
    fields = {MAPPING: {"tea": [B], "cup": {"sources": sources}}, "selected_sources": [B]}
    record, outcome = project.clean_one("searches", **fields)
    assert [len(search["sources"]) for search in record["searches"]] == [1, 0]
    assert outcome.rows == []


def test_ids_may_be_the_keys_of_documents(project: Any) -> None:
    sources = {"b1": {"title": "T"}, "c1": {"snippet": "s"}, "2": {"url": B}}
    fields = {MAPPING: {"tea": {"sources": sources}}, "selected_sources": ["c1"]}
    record, _ = project.clean_one("searches", **fields)
    assert [page["url"] for page in record["searches"][0]["sources"]] == ["b1", "c1", B]


@pytest.mark.parametrize("value", [{"a": "T"}, {"web": {"results": [{"url": C}]}}, {"web": [C]}])
def test_an_object_that_may_hold_documents_is_never_passed_over_in_silence(
    project: Any, value: object
) -> None:
    fields = {MAPPING: {"tea": [B], "cup": {"sources": value}}, "selected_sources": [B]}
    _, outcome = project.clean_one("searches", **fields)
    [row] = outcome.rows
    assert row.reason.startswith("expected a list of documents, found an object")


@pytest.mark.parametrize(
    "topic", ["nan", "None", "N/A", "", None, "<b></b>"], ids=lambda topic: f"topic {topic}"
)
def test_records_without_a_topic_share_none(project: Any, topic: object) -> None:
    record, _ = project.clean_one("searches", topic=topic)
    assert record["topic"] == ""


def test_a_topic_is_cleaned_and_the_same_as_a_number(project: Any) -> None:
    for topic, expected in (
        ("R&amp;D", "R&D"),
        ("<b>cafe\u0301</b>", "café"),
        (3.0, "3"),
        (0, "0"),
    ):
        assert project.clean_one("searches", topic=topic)[0]["topic"] == expected


def test_earlier_questions_may_be_messages_of_a_chat_or_a_list_in_a_text(project: Any) -> None:
    messages = [
        {"role": "user", "content": "first?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "second?"},
    ]
    for history in (messages, ["first?", "second?"], '["first?", "second?"]'):
        record, outcome = project.clean_one("searches", history=history)
        assert (record["history"], outcome.rows) == (["first?", "second?"], [])
    assert project.clean_one("searches", history="")[1].rows == []


def test_a_number_of_a_list_is_no_search(project: Any) -> None:
    a, b = ([project.document(name)] for name in "ab")
    searches = {"query": "tea", "sources": b}, {"query": "cup", "sources": a}
    for names in (("0", "1"), ("1", "2"), ("query_1", "query_2"), ("Search 1", "Search 2")):
        outcome = project.clean(
            "searches",
            project.search_record(query_source_mapping=dict(zip(names, (a, b), strict=True))),
            project.search_record(query_source_mapping=dict(zip(names, searches, strict=True))),
        )
        [record] = outcome.records
        assert [search["query"] for search in record["searches"]] == ["tea", "cup"]
        assert "expected a search, found a list" in outcome.first_rejects[0].reason


def test_what_a_source_refers_to_is_no_result(project: Any) -> None:
    [b, c] = map(project.document, "bc")
    cited = {**b, "references": [{"url": "https://example.org/r"}], "data": [{"id": "x"}]}
    searches, _ = clean(
        project, {"tea": {"results": cited}, "cup": {"contexts": ["Tea."], "sources": [c]}}
    )
    assert [[page["url"] for page in each["sources"]] for each in searches] == [[B], [C]]


def test_the_question_may_be_called_query(project: Any) -> None:
    asked = {**project.search_record(), "original_query": None, "query": "how much milk?"}
    [record] = project.clean("searches", asked).records
    assert record["query"] == "how much milk?"

"""A missing field is answered with the keys that a record has, and never with emptying it."""

from typing import Any

import pytest

A, B = (f"https://example.org/{name}" for name in "ab")


def rejected(project: Any, kind: str, record: object) -> Any:
    """Return the row of a record that is rejected."""
    rows = project.clean(kind, record).rows
    [row] = [row for row in rows if row.action == "rejected"]
    return row


@pytest.mark.parametrize("key", ["question", "search_term", "Prompt", "user input"])
@pytest.mark.parametrize("kind", ["ranked_lists", "searches"])
def test_a_record_without_a_query_names_its_unread_keys(project: Any, kind: str, key: str) -> None:
    record = {key: "how much tea?", **project.record(kind)}
    field = "original_query" if kind == "searches" else "query"
    del record[field]
    row = rejected(project, kind, record)
    assert row.column == field
    assert row.reason == f"expected a query, found nothing (unread keys: '{key}')"
    assert row.remedy == f"if one of these keys holds it, rename that key to {field}"


def test_a_key_that_users_may_have_typed_is_not_repeated(project: Any) -> None:
    typed = {"how many people are out of work?": 1, "ann@bakery.example": 2, "x" * 100: 3}
    row = rejected(project, "ranked_lists", project.ranked_list(None, **typed))
    assert (row.reason, row.remedy) == ("expected a query, found nothing", "write it as a string")


@pytest.mark.parametrize("key", ["docno", "path", "pid"])
def test_a_document_without_a_url_names_its_unread_keys(project: Any, key: str) -> None:
    row = rejected(project, "corpus", {key: 5, "title": "T", "text": "All.", "score": 1})
    assert row.column == "url"
    assert row.reason == f"expected a URL, found nothing (unread keys: '{key}')"
    assert row.remedy == "if one of these keys holds it, rename that key to url"
    shown = [{key: "d1", "title": "T"}, {key: "d2", "title": "U"}]
    row = rejected(project, "ranked_lists", project.ranked_list(all_sources=shown))
    assert f"found nothing (unread keys: '{key}')" in row.reason
    assert row.remedy == "if one of these keys holds it, rename that key to url"


def test_a_search_in_a_list_without_a_text_names_its_unread_keys(project: Any) -> None:
    mapping = [{"frage": "tea", "sources": [B]}]
    row = rejected(project, "searches", project.search_record(query_source_mapping=mapping))
    assert "(unread keys: 'frage')" in row.reason
    assert row.remedy == "if one of these keys holds it, rename that key to query"


@pytest.mark.parametrize("key", ["results", "sources", "Documents", "fundstellen"])
@pytest.mark.parametrize("own", [{}, {"all_sources": None}, {"all_sources": []}])
def test_the_sources_under_another_key_are_a_reject_that_names_it(
    project: Any, key: str, own: dict[str, Any]
) -> None:
    record = project.ranked_list()
    shown = record.pop("all_sources")
    row = rejected(project, "ranked_lists", {**record, **own, "clicked": [A], key: shown})
    assert row.column == "all_sources"
    assert row.reason == f"missing or empty, but a list of documents is under the key '{key}'"
    assert row.remedy == "call it all_sources, if it is what was shown"


def test_the_sources_deeper_in_a_record_are_named_by_their_path(project: Any) -> None:
    record = project.ranked_list()
    record["response"] = {"docs": record.pop("all_sources")}
    row = rejected(project, "ranked_lists", record)
    assert (
        row.reason == "missing or empty, but a list of documents is under the key 'response.docs'"
    )


def test_a_record_without_any_list_of_sources_is_told_what_to_write(project: Any) -> None:
    for value in (None, 3, "{}", {}):
        row = rejected(project, "ranked_lists", project.ranked_list(all_sources=value))
        assert "[]" not in row.remedy


def test_the_hits_of_elasticsearch_are_the_sources_of_a_ranked_list(project: Any) -> None:
    hits = [{"_id": name, "_source": {"title": name, "body": f"All of {name}."}} for name in "ab"]
    forms: list[object] = [
        {"total": {"value": 2}, "hits": hits},
        {"took": 5, "hits": {"total": 2, "hits": hits}},
        {"results": hits},
        {"b": {"title": "b"}, "a": {"title": "a"}},
        {A: "a", B: "b"},
    ]
    for shown in forms:
        picks = [B] if shown is forms[-1] else ["b"]
        fields = {"all_sources": shown, "positive_sources": picks, "negative_sources": None}
        record, outcome = project.clean_one("ranked_lists", **fields)
        assert (record["picks"], len(record["sources"]), outcome.rows) == (picks, 2, [])


def test_a_list_that_an_object_holds_deeper_is_named(project: Any) -> None:
    for shown, path in (
        ({"responseHeader": {"status": 0}, "response": {"docs": [{"id": "d1"}]}}, "response.docs"),
        ({"web": {"results": [{"url": A}]}, "news": {"results": [{"url": B}]}}, "web.results"),
        ({"data": {"web": {"results": [{"url": A}]}}}, "data.web.results"),
    ):
        row = rejected(project, "ranked_lists", project.ranked_list(all_sources=shown))
        assert row.column == "all_sources"
        assert row.reason.endswith(f"found an object, with a list under the key '{path}'")
        assert row.remedy == "write that list instead of the object"


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"response": {"docs": [{"id": "d1", "title_txt": ["Tea"]}]}}, "response.docs"),
        ({"web": {"results": [{"url": A}]}}, "web.results"),
        ({"data": {"web": {"pages": [{"url": A}]}}}, "data.web.pages"),
        ({"fundstellen": [A]}, "fundstellen"),
        ({"data": {"hits": {"hits": [{"_id": "d1"}]}}}, "data.hits.hits"),
    ],
)
def test_documents_that_a_search_holds_deeper_are_named_by_their_path(
    project: Any, entry: dict[str, Any], path: str
) -> None:
    mapping = {"unemployment rate": entry}
    row = rejected(project, "searches", project.search_record(query_source_mapping=mapping))
    assert f"with a list under the key '{path}'" in row.reason
    assert row.remedy == "call the list sources"


def test_lists_in_a_search_that_hold_no_documents_are_no_results(project: Any) -> None:
    empty = {"facets": {"fields": [{"id": 3}]}, "user": {"groups": ["a"]}, "meta": {"tags": []}}
    fields = {"query_source_mapping": {"tea": [B], "cup": empty}, "selected_sources": [B]}
    record, outcome = project.clean_one("searches", **fields)
    assert [len(search["sources"]) for search in record["searches"]] == [1, 0]
    assert outcome.rows == []

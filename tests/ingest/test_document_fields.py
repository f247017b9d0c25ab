"""A document is read under the names that other programs give to its fields."""

from typing import Any

import pytest

SNIPPETS = ["text", "content", "description", "passage", "body", "page_content", "pageContent"]
SNIPPETS += ["Snippet", "SUMMARY", "excerpt", "abstract"]


def first_source(project: Any, document: object, pick: str = "") -> tuple[dict[str, Any], Any]:
    """Return the clean form of the first document of a list, and the outcome."""
    shown = [document, project.document("b")]
    fields = {"all_sources": shown, "negative_sources": []}
    record, outcome = project.clean_one("ranked_lists", **fields)
    return record["sources"][0], outcome


@pytest.mark.parametrize("key", SNIPPETS)
def test_a_passage_is_a_snippet_under_any_of_its_names(project: Any, key: str) -> None:
    document = {"url": project.url("a"), "title": "A", key: "All of it."}
    source, outcome = first_source(project, document)
    assert source["snippet"] == "All of it."
    assert outcome.counts["documents_without_snippet"] == 0
    reported = outcome.counts[f"snippets_under_{key.lower()}"]
    assert reported == (key.lower() not in ("snippet", "text"))


def test_a_snippet_of_its_own_comes_before_other_names_and_an_empty_one_does_not(
    project: Any,
) -> None:
    both = {"url": project.url("a"), "snippet": "Mine.", "content": "Other."}
    assert first_source(project, both)[0]["snippet"] == "Mine."
    assert first_source(project, {**both, "snippet": ""})[0]["snippet"] == "Other."


@pytest.mark.parametrize(
    "fields",
    [
        {"link": "doc:1"},
        {"ID": "doc:1"},
        {"_id": "doc:1"},
        {"metadata": {"url": "doc:1", "title": "A"}},
        {"href": "doc:1", "url": ""},
    ],
)
def test_an_address_and_a_title_have_other_names_too(project: Any, fields: dict[str, Any]) -> None:
    source, _ = first_source(project, {"name": "A", "pageContent": "All.", **fields})
    assert (source["url"], source["title"], source["snippet"]) == ("doc:1", "A", "All.")


@pytest.mark.parametrize(
    "address",
    ["doc-1", "17", "/wiki/page", "file:///a b.pdf", r"C:\docs\a.pdf", "s3://bucket/key",
     "doi:10.1/x", "ftp://a.example/x", "www.a.example", "urn:isbn:12", "arXiv:2101.00001", "7 ü"],
)  # fmt: skip
def test_any_id_is_the_address_of_a_document(project: Any, address: str) -> None:
    fields = {"all_sources": [{"url": address}, project.document("a")], "negative_sources": []}
    record, outcome = project.clean_one("ranked_lists", positive_sources=[address], **fields)
    assert record["picks"] == [address]
    assert outcome.rows == []


def test_the_number_of_a_document_is_its_id(project: Any) -> None:
    fields = {"all_sources": [{"id": 17}, {"id": 18}], "negative_sources": [18]}
    record, outcome = project.clean_one("ranked_lists", positive_sources=[17], **fields)
    assert (record["picks"], record["refused"]) == (["17"], ["18"])


@pytest.mark.parametrize("text", ["one two three four five six", "失業率は二十年ぶりの低さです"])
def test_an_unknown_key_with_a_text_is_reported_once(project: Any, text: str) -> None:
    bare = {"url": project.url("a"), "fulltext": text, "lang": "en"}
    lists = [
        project.ranked_list(f"tea {number}?", all_sources=[bare, project.document("b")])
        for number in range(3)
    ]
    rows = project.clean("ranked_lists", *lists).rows
    reasons = [row.reason for row in rows if row.file == "all files"]
    assert reasons == ["3 documents have no snippet, but a text under the key 'fulltext'"]


def test_a_passage_in_a_form_that_is_not_read_is_reported(project: Any) -> None:
    bare = {"url": project.url("a"), "body": {"de": "All."}}
    shown = [bare, project.document("b")]
    rows = project.clean("ranked_lists", project.ranked_list(all_sources=shown)).rows
    assert [row.reason for row in rows if row.file == "all files"] == [
        "1 documents have no snippet, but a text under the key 'body'"
    ]


LONG = "A long text about the prices of tea in many cities."


@pytest.mark.parametrize("value", [LONG, [LONG], ["Tea.", LONG], {"value": LONG}, [{"text": LONG}]])
def test_a_passage_in_a_dynamic_field_of_solr_is_reported(project: Any, value: object) -> None:
    bare = {"id": "d1", "title_txt": ["Tea prices"], "body_txt": value}
    assert [row.reason for row in project.clean("corpus", bare).rows] == [
        "1 documents have no snippet, but a text under the key 'body_txt'"
    ]


@pytest.mark.parametrize("value", [[*"abcdefgh"], [1, 2], [], [None], {"a": LONG}, ["one two"] * 9])
def test_a_list_of_short_texts_is_no_passage(project: Any, value: object) -> None:
    assert project.clean("corpus", {"id": "d1", "tags": value}).rows == []


def test_spellings_of_one_address_are_one_document_and_the_first_one_stays(project: Any) -> None:
    first, second = "https://a.example/Page", "http://A.example/Page/?utm_source=x"
    shown = [
        {"url": first, "title": "A"},
        {"url": second, "snippet": "All."},
        project.document("b"),
    ]
    fields = {"all_sources": shown, "negative_sources": []}
    record, outcome = project.clean_one("ranked_lists", positive_sources=[second], **fields)
    assert [source["url"] for source in record["sources"]] == [first, project.url("b")]
    assert record["sources"][0]["snippet"] == "All."
    assert record["picks"] == [first]
    assert outcome.counts["other_spellings_of_a_url"] == 1
    assert outcome.rows == []


@pytest.mark.parametrize(
    "document",
    [
        {"_id": "doc:1", "_source": {"title": "A", "body": "All."}},
        {"id": "doc:1", "payload": {"title": "A", "text": "All."}},
        {"properties": {"url": "doc:1", "title": "A", "content": "All."}},
        {"id": "doc:1", "fields": {"title": "A", "body": "All."}},
        {"node": {"text": "All.", "metadata": {"url": "doc:1", "title": "A"}}, "score": 0.5},
        {"page_content": "All.", "metadata": {"source": "doc:1", "title": "A"}},
        {"id": "doc:1", "title": ["A"], "content": ["All."]},
        {"link": "doc:1", "title": "A", "htmlSnippet": "<b>All</b>."},
        {"url": "doc:1", "title": "A", "snippet": {"text": "All."}},
        {"url": "doc:1", "title": "A", "page-content": "All."},
        {"url": ["doc:1"], "title": "A", "highlights": ["All."]},
        {"_id": {"$oid": "doc:1"}, "title": "A", "document": "All."},
        {"id": "doc:1", "title": "A", "contents": "All."},
        {"id": "doc:1", "title": "A", "content": [{"type": "text", "text": "All."}]},
        {"id": "doc:1", "title": "A", "highlight": {"content": ["<em>All</em>."]}},
    ],
)
def test_the_fields_of_stores_and_search_engines_are_read(
    project: Any, document: dict[str, Any]
) -> None:
    source, _ = first_source(project, document)
    assert (source["url"], source["title"], source["snippet"]) == ("doc:1", "A", "All.")


def test_a_publisher_is_no_address(project: Any) -> None:
    document = {"source": "The Tea Times", "title": "A", "snippet": "All."}
    outcome = project.clean("ranked_lists", project.ranked_list(all_sources=[document]))
    assert outcome.rows[0].reason == "expected a URL, found nothing (unread keys: 'source')"


@pytest.mark.parametrize("pick", ["17", 17, 17.0, {"id": 17.0}])
def test_the_number_of_a_document_is_one_id_however_it_is_written(
    project: Any, pick: object
) -> None:
    shown = [{"id": number, "title": f"Title {number}"} for number in (17.0, 18)]
    fields = {"all_sources": shown, "negative_sources": []}
    record, _ = project.clean_one("ranked_lists", positive_sources=[pick], **fields)
    assert record["picks"] == ["17"]


@pytest.mark.parametrize(
    "document",
    [
        {"url": ["doc:1", "doc:2"], "title": ["A"], "snippet": ["All."]},
        {"url": {"value": "doc:1"}, "title": {"text": "A"}, "snippet": {"content": "All."}},
    ],
)
def test_the_usual_fields_may_be_lists_or_objects_too(
    project: Any, document: dict[str, Any]
) -> None:
    source, outcome = first_source(project, document)
    assert (source["url"], source["title"], source["snippet"]) == ("doc:1", "A", "All.")
    assert outcome.rows == []

"""A document is a URL with plain text of limited length; a bad one never loses its record."""

import json
from typing import Any

import pytest

from findtune.ingest.limits import FeedbackLimits


def clean(project: Any, *documents: object, **fields: object) -> tuple[list[Any], Any, Any]:
    """Return the documents of a ranked list in which b is picked, the report rows and the counts.

    A letter stands for a good document.
    """
    shown = [project.document(item) if isinstance(item, str) else item for item in documents]
    lists = {"all_sources": shown, "negative_sources": [], **fields}
    record, outcome = project.clean_one("ranked_lists", **lists)
    names = ("url", "title", "snippet")
    texts = [{name: source[name] for name in names} for source in record["sources"]]
    return texts, outcome.rows, outcome.counts


def urls(documents: list[Any]) -> str:
    """Return the last character of each URL."""
    return "".join(document["url"][-1] for document in documents)


def test_a_document_keeps_its_url_title_and_snippet_and_a_missing_snippet_is_empty(
    project: Any,
) -> None:
    full, null = project.document("a", query_used="x", rank=1), project.document("c", snippet=None)
    bare = {"url": project.url("d"), "title": "Title of d"}
    documents, rows, counts = clean(project, full, "b", null, bare)
    expected = [project.document(name) for name in "ab"]
    assert documents == expected + [project.document(name, snippet="") for name in "cd"]
    assert counts["documents_without_snippet"] == 2
    assert rows == []


def test_a_duplicate_only_fills_the_fields_that_the_first_one_lacks(project: Any) -> None:
    first = {"url": project.url("a"), "title": "First."}
    later = [project.document("a", title=None), project.document("a", snippet="Third.")]
    documents, rows, counts = clean(project, first, "b", *later)
    assert documents == [project.document("a", title="First."), project.document("b")]
    assert counts["duplicate_documents"] == 2
    assert rows == []


NOT_A_URL = "not an http or https URL"
D = "https://example.org/d"
BAD_DOCUMENTS: list[tuple[object, str, str]] = [
    ({"title": "no URL"}, ".url", "expected a URL, found nothing"),
    ({"url": 3}, ".url", "expected a URL, found a number"),
    ({"url": ""}, ".url", "an empty URL"),
    ({"url": "nan"}, ".url", "not a URL or an id in one line"),
    ({"url": "doc\n17"}, ".url", "not a URL or an id in one line"),
    ({"id": True}, ".url", "expected a URL, found nothing"),
    ({"url": "https://"}, ".url", NOT_A_URL),
    ({"url": "https://example .org/d"}, ".url", NOT_A_URL),
    ({"url": "https://example.org d"}, ".url", NOT_A_URL),
    ({"url": f"{D} {D}"}, ".url", NOT_A_URL),
    ({"url": f"{D} b; {D}"}, ".url", NOT_A_URL),
    ({"url": f"{D}\ud800"}, ".url", NOT_A_URL),
    ({"url": D + "x" * 500}, ".url", "a URL of 521 characters, more than feedback.max_text_chars"),
    ({"url": D, "title": [1]}, ".title", "expected text, found a list"),
    ({"url": D, "snippet": True}, ".snippet", "expected text, found a boolean"),
    (["d"], "", "expected a document, found a list"),
]


@pytest.mark.parametrize(("bad", "field", "reason"), BAD_DOCUMENTS)
def test_a_bad_document_is_dropped_and_reported(
    project: Any, bad: object, field: str, reason: str
) -> None:
    documents, [row], _ = clean(project, "a", bad, "b")
    assert urls(documents) == "ab"
    assert (row.action, row.column, row.reason) == ("dropped", f"all_sources[1]{field}", reason)
    assert row.remedy


def test_a_pick_is_dropped_with_its_bad_document_unless_there_is_a_good_copy(project: Any) -> None:
    bad = [project.document("d", title=3), {"url": "http://"}, project.document("b", title=3)]
    picks = [project.url("b"), project.url("d"), "http://"]
    documents, rows, _ = clean(project, "a", *bad, "b", positive_sources=picks)
    assert urls(documents) == "ab"
    assert {row.action for row in rows} == {"dropped"}
    bad_fields = ["all_sources[1].title", "all_sources[2].url", "all_sources[3].title"]
    assert [row.column for row in rows] == [*bad_fields, "positive_sources", "positive_sources"]
    assert [row.value for row in rows] == ["3", "http://", "3", project.url("d"), "http://"]
    assert [row.reason for row in rows[-2:]] == [
        "its document was dropped: expected text, found a number",
        "its document was dropped: not an http or https URL",
    ]
    assert [row.remedy for row in rows[-2:]] == [rows[0].remedy, rows[1].remedy]


PATHS = ["Leave Policy 2024.pdf", "Shared Documents/Forms", "a b.pdf?web=1", "?q=tea and milk"]


@pytest.mark.parametrize("path", [*PATHS, "#all of it"])
def test_a_url_may_hold_blanks_after_its_host_and_they_are_equal_to_percent_20(
    project: Any, path: str
) -> None:
    url = f"https://corp.example.org/sites/hr/{path}"
    for pick in (url, url.replace(" ", "%20")):
        documents, rows, _ = clean(project, {"url": url}, "b", positive_sources=[pick])
        assert [document["url"] for document in documents] == [url, project.url("b")]
        assert rows == []


@pytest.mark.parametrize("rest", ["Annual report of 2024", "see https://example.org/e.pdf"])
def test_an_address_with_other_words_behind_it_is_no_url(project: Any, rest: str) -> None:
    documents, [row], _ = clean(project, "a", {"url": f"https://example.org/d {rest}"}, "b")
    assert urls(documents) == "ab"
    assert (row.action, row.reason) == ("dropped", "not an http or https URL")


def test_a_record_whose_only_pick_was_dropped_says_why_on_its_own(project: Any) -> None:
    bad = "https://exa mple.org/d"
    record = project.ranked_list(all_sources=[{"url": bad}, project.document("b")])
    rows = project.clean("ranked_lists", {**record, "positive_sources": [bad]}).rows
    [row] = [row for row in rows if row.action == "rejected"]
    assert row.reason.endswith("its document was dropped: not an http or https URL")
    assert "row above" not in row.remedy and "whole URL" in row.remedy


def test_a_long_list_keeps_its_first_documents_and_every_pick(project: Any) -> None:
    url = project.url
    choice = {"positive_sources": [url(40), url(3)], "negative_sources": [url(4), url(45)]}
    documents, [row], _ = clean(project, *map(str, range(50)), **choice)
    assert [document["url"] for document in documents] == [*map(url, [*range(10), 40])]
    assert (row.action, row.column) == ("dropped", "all_sources")
    assert row.reason == "a list of 50 documents was cut to 11"
    assert "feedback.max_documents" in row.remedy
    documents, rows, _ = clean(project, *"0123456789xy", positive_sources=[url("x"), url("y")])
    assert urls(documents) == "0123456789xy"
    assert rows == []


HTML = {
    "<b>un</b>employment": "unemployment",
    "<p class='a>b'>one</p><p>two</p>": "one two",
    "one<br/>two<BR>three": "one two three",
    "R&amp;D &lt;b&gt; &#65;&nbsp;&#x1F600;": "R&D <b> A 😀",
    "<!-- no --><script>var a = '<b>';</script>yes": "yes",
    '<a href="https://example.org/?a=1&amp;b=2">link</a>': "link",
    "&#0;&#xD800;": "\ufffd\ufffd",
}


LIKE_HTML = ["x < 3 and y > 2", "List<String>", "AT&T, R&D", "a <3 b", "?a=1&copy=2", "<unk> & <!"]
TEXTS = {
    **HTML,
    " one \n\t two\u2028three\x00four\x1b\x85 ": "one two three four",
    "half a character \ud83d": "half a character \ufffd",
    **{text: text for text in LIKE_HTML},
}


@pytest.mark.parametrize(("logged", "text"), TEXTS.items())
def test_a_text_is_one_plain_line_and_html_is_reported_once(
    project: Any, logged: str, text: str
) -> None:
    shown = [project.document("a", title=logged), project.document("b", snippet=logged)]
    documents, rows, _ = clean(project, *shown)
    assert (documents[0]["title"], documents[1]["snippet"]) == (text, text)
    reason = "HTML was removed from 2 of its texts"
    flagged = [("kept", "all_sources[0].title", "", reason)] if logged in HTML else []
    assert [(row.action, row.column, row.value, row.reason) for row in rows] == flagged
    json.dumps(documents, ensure_ascii=False).encode()


@pytest.mark.parametrize("start", ["<a ", '<a "', "<script>", "<!--", "<style>", "&", "<p b='"])
def test_html_that_is_never_closed_takes_no_time(project: Any, start: str) -> None:
    shown = [project.document("a", snippet=start * 100_000), project.document("b")]
    limits = FeedbackLimits(max_text_chars=2000, max_documents=10, max_rejected=0)
    outcome = project.clean("ranked_lists", project.ranked_list(all_sources=shown), limits=limits)
    assert len(outcome.records) == 1
    assert outcome.rows[-1].action == "kept"


@pytest.mark.parametrize("field", ["title", "snippet"])
def test_a_text_of_a_megabyte_is_cut_and_reported(project: Any, field: str) -> None:
    long = project.document("a", **{field: "tea " * 250_000})
    documents, [row], _ = clean(project, long, "b")
    assert documents[0][field] == ("tea " * 50).strip()
    assert (row.action, row.column, row.value) == ("kept", f"all_sources[0].{field}", "")
    assert row.reason == "1 of its texts were cut to feedback.max_text_chars = 200"

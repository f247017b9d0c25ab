"""One record of feedback is one choice of one user: it stays one, or is rejected and reported.

What the kinds share is tested here; what a record becomes is in the test file of its kind.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from findtune.ingest.feedback import STEMS, FeedbackReader
from findtune.ingest.kinds import KINDS

LOG_KINDS = pytest.mark.parametrize("kind", ["ranked_lists", "searches", "preferences"])
A, B, Z = (f"https://example.org/{name}" for name in "abz")
MAPPING = "query_source_mapping"


def reject(project: Any, kind: str, value: object) -> tuple[str, str]:
    """Return the field and the reason for which a record between two good ones is rejected."""
    first, last = (project.record(kind, query) for query in ("first?", "last?"))
    outcome = project.clean(kind, first, value, last)
    assert [record["query"] for record in outcome.records] == ["first?", "last?"]
    [row] = [row for row in outcome.rows if row.action == "rejected"]
    assert f"{row.file}:{row.line}" == project.location(kind, 2)
    assert row.reason and row.remedy
    return row.column, row.reason


# The values of each field that reject a record.
BAD_FIELDS: dict[str, dict[str, list[object]]] = {
    "ranked_lists": {
        "all_sources": [[], None, {"a": A}, [{"url": B, "title": 3}], 7],
        "positive_sources": [[Z], Z, 7, [["b"]], [7, None]],
        "negative_sources": [7, True],
    },
    "searches": {
        MAPPING: [None, {}, [], {"tea": {"query": "tea"}, "cups": {"sources": []}}],
        "selected_sources": [[Z], Z, 7, [True]],
    },
    "preferences": {
        "selected_response": ["response3", 0, True, 1.5, [1]],
        "response1": [None, {}, {"text": 3}, []],
        "response2": [" \n", ["x"], {"content": " "}],
    },
}


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in BAD_FIELDS.items() for field in fields]
)
def test_a_record_with_a_bad_field_is_rejected_and_names_the_field(
    project: Any, kind: str, field: str
) -> None:
    for value in BAD_FIELDS[kind][field]:
        record = project.record(kind, "bad?", **{field: value})
        assert reject(project, kind, record)[0] == field, value


@LOG_KINDS
def test_a_query_that_is_empty_too_long_or_not_text_rejects_its_record(
    project: Any, kind: str
) -> None:
    field = "original_query" if kind == "searches" else "query"
    reasons: dict[object, str] = {
        None: "expected a query, found nothing",
        3: "expected a query, found a number",
        "": "an empty query",
        " \n\u200b": "an empty query",
        "tea " * 5000: "a query of 19,999 characters; at most 200 are read",
    }
    for query, reason in reasons.items():
        assert reject(project, kind, project.record(kind, query)) == (field, reason)


@LOG_KINDS
def test_a_value_that_is_no_object_or_holds_nan_is_rejected(project: Any, kind: str) -> None:
    values: dict[str, object] = {"nothing": None, "a list": [{}], "a string": "tea"}
    for json_type, value in values.items():
        assert reject(project, kind, value) == ("", f"expected a record, found {json_type}")
    column, reason = reject(project, kind, project.record(kind, "bad?", score=float("nan")))
    assert column == ""
    assert re.fullmatch(r"line 1, column \d+: NaN and Infinity are not JSON", reason)


@LOG_KINDS
def test_queries_of_every_script_are_kept_in_one_line(project: Any, kind: str) -> None:
    scripts = ["お茶はいくつ？", "كم شاي؟", "☕", "Ёлка", "👩‍👩‍👧 tea", "१२३", "चाय कितनी?"]
    queries = [*scripts, "\thow\r\nmuch \x07tea\u2028 \udfff? "]
    outcome = project.clean(kind, *(project.record(kind, query) for query in queries))
    expected = [*scripts, "how much tea \ufffd?"]
    assert [record["query"] for record in outcome.records] == expected
    assert outcome.rows == []


@LOG_KINDS
def test_a_duplicate_record_is_dropped_and_the_first_one_is_named(project: Any, kind: str) -> None:
    first, other = project.record(kind), project.record(kind, "milk?")
    later = project.record(kind, timestamp="2025-02-01")
    outcome = project.clean(kind, first, other, first, later)
    queries = [record["query"] for record in outcome.records]
    assert queries == ["how much tea?", "milk?", "how much tea?"]
    [row] = outcome.rows
    assert (row.action, row.line) == ("dropped", 3)
    assert row.reason == f"a duplicate of the record {project.location(kind, 1)}"


NO_TIMES = ["yesterday", "31.01.2025", "2025-13-01", 12, [], "٢٠٢٥", True, 1e300, -1738324800]
TIMES = ["2025-01-31", "2025-01-31T12:00:00+02:00", "2025-01-31 12:00:00.123", "20250131T120000Z"]


@LOG_KINDS
@pytest.mark.parametrize("value", [*NO_TIMES, *TIMES, None, "", " ", "null", "NaN"])
def test_a_timestamp_is_iso_8601_or_left_empty(project: Any, kind: str, value: object) -> None:
    record, outcome = project.clean_one(kind, timestamp=value)
    assert record["timestamp"] == (value if value in TIMES else "")
    assert outcome.counts["records_without_timestamp"] == (value in (None, "", " ", "null", "NaN"))
    flagged = [("kept", "timestamp")] if value in NO_TIMES else []
    assert [(row.action, row.column) for row in outcome.rows] == flagged
    assert all("nothing depends on it" in row.remedy for row in outcome.rows)


FIELDS = ["query", "url", "title", "snippet", "sources", "timestamp", "id"]
TEXTS = st.text(max_size=12) | st.sampled_from([A, B, "", "<b>", "&amp;", "\ud800", "2025-01-31"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@LOG_KINDS
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_of_any_content_never_loses_the_records_around_it(
    project: Any, kind: str, data: st.DataObject
) -> None:
    good, first, last = (project.record(kind, query) for query in ("odd?", "first?", "last?"))
    fields: Mapping[str, Any] = data.draw(st.dictionaries(st.sampled_from([*good]), JSON))
    odd = data.draw(st.just({**good, **fields}) | JSON)
    outcome = project.clean(kind, first, odd, last)
    locations = [record["record"] for record in outcome.records]
    others = [place for place in locations if place != project.location(kind, 2)]
    assert others == [project.location(kind, 1), project.location(kind, 3)]
    left_out = [row for row in outcome.rows if row.action == "rejected" or row.reason in NO_FAULTS]
    assert len(locations) + len(left_out) == 3
    json.dumps([outcome.records, outcome.rows], ensure_ascii=False).encode()
    for record in outcome.records:
        check_choice(record)


NO_FAULTS = {
    "questions without a letter or digit",
    "records in which every document was picked",
    "records with a tie",
    "records without a choice",
    "records with two equal answers",
    "records without a pick",
}


def check_choice(record: dict[str, Any]) -> None:
    """Check that a clean record has a query, and its picks among its documents."""
    assert record["query"].strip()
    for search in record.get("searches", [record]):
        shown = [document["url"] for document in search["sources"]]
        assert len(set(shown)) == len(shown)
    if "picks" in record:
        assert {*record["refused"]} <= {*shown} - {*record["picks"]}
        assert set() < {*record["picks"]} < {*shown}
    if "selected" in record:
        returned = {page["url"] for search in record["searches"] for page in search["sources"]}
        assert set() < {*record["selected"]} <= returned


def test_the_files_of_a_kind_are_read_sorted_by_name_and_compared(project: Any) -> None:
    stems = ["more/reranker_training_data.json", "reranker_training_data.json"]
    names = [*stems, *(f"reranker_training_data_{end}" for end in ("1.jsonl", "2.json", "3.jsonl"))]
    for name in reversed(names):
        lists = [project.ranked_list(f"{name}?"), project.ranked_list(f"{names[0]}?")]
        project.write_feedback(name, *lists)
    for name in (".old/reranker_training_data.json", "judgments.json", "training_data.json"):
        project.write(f"training_data/{name}", "hidden, or of another kind")
    Path("data/training_data/reranker_training_data.jsonl").mkdir()
    outcome = project.read("ranked_lists")
    assert [record["query"] for record in outcome.records] == [f"{name}?" for name in names]
    places = [record["record"] for record in outcome.records]
    assert places == [f"data/training_data/{name}:1" for name in names]
    dropped = [("dropped", f"data/training_data/{name}", 2) for name in names]
    assert [row[:3] for row in outcome.rows] == dropped
    assert {row.reason for row in outcome.rows} == {f"a duplicate of the record {places[0]}"}


@pytest.mark.parametrize("kind", ["preferences", "corpus"])
def test_a_kind_that_is_not_required_may_have_no_file(project: Any, kind: str) -> None:
    with_folder = project.read(kind)
    assert (with_folder.records, with_folder.counts) == ([], {"records": 0})
    Path("data/training_data").rmdir()
    assert project.read(kind) == with_folder


def test_a_file_that_no_kind_reads_is_reported_by_the_required_kinds(project: Any) -> None:
    project.write_feedback("reranker_training_data.json", project.ranked_list())
    stray = ["feedback_march.json", "judgments.jsonl", "march/judgments.json"]
    stray += ["notes.txt", "reranker_training_data.csv", "reranker_training_data.json.txt"]
    fine = ["judgments.json", ".hidden.json", ".ipynb_checkpoints/a.json", "README", "logs.dvc"]
    for name in stray + fine:
        project.write(f"training_data/{name}", "{}")
    outcome = project.read("ranked_lists")
    assert len(outcome.records) == 1
    dropped = [("dropped", f"data/training_data/{name}") for name in stray]
    assert [row[:2] for row in outcome.rows] == dropped
    stems = "reranker_training_data, query_rewriting_training_data, training_data, corpus"
    remedy = f"begin its name with {stems}, or name it judgments.json in data/training_data"
    remedy += ", and end it with .json, .jsonl, .ndjson"
    assert outcome.rows[0].remedy == remedy
    assert project.read("corpus").rows == []
    readers = [kind.reader for kind in KINDS.values()]
    assert {reader.stem for reader in readers if isinstance(reader, FeedbackReader)} == set(STEMS)


EPOCHS: dict[object, str] = {
    1737000000: "2025-01-16T04:00:00Z",
    1737000000000: "2025-01-16T04:00:00Z",
    1737000000123: "2025-01-16T04:00:00.123000Z",
    "1737000000": "2025-01-16T04:00:00Z",
    " 1737000000000 ": "2025-01-16T04:00:00Z",
    1737000000.5: "2025-01-16T04:00:00.500000Z",
    "1737000000.5": "2025-01-16T04:00:00.500000Z",
    1737000000000000: "2025-01-16T04:00:00Z",
    1737000000000000000: "2025-01-16T04:00:00Z",
}


@LOG_KINDS
@pytest.mark.parametrize(("value", "time"), EPOCHS.items())
def test_seconds_since_1970_and_parts_of_them_are_times(
    project: Any, kind: str, value: object, time: str
) -> None:
    record, outcome = project.clean_one(kind, timestamp=value)
    assert record["timestamp"] == time
    assert outcome.rows == []


@LOG_KINDS
@pytest.mark.parametrize("name", ["time", "ts", "created_at", "createdAt", "Timestamp"])
def test_a_time_may_have_another_name(project: Any, kind: str, name: str) -> None:
    record, _ = project.clean_one(kind, timestamp=None, **{name: 1737000000})
    assert record["timestamp"] == "2025-01-16T04:00:00Z"


MARKS = ["id", "session", "session_id", "sessionId", "user", "userId", "request_id", "_id", "uuid"]


@LOG_KINDS
@pytest.mark.parametrize("name", [*MARKS, "timestamp"])
def test_an_id_or_a_time_that_can_not_be_read_tells_two_records_apart(
    project: Any, kind: str, name: str
) -> None:
    values = ["half past two", "noon", "noon"]
    outcome = project.clean(kind, *(project.record(kind, **{name: value}) for value in values))
    assert [record["record"][-1] for record in outcome.records] == ["1", "2"]
    assert [row.line for row in outcome.rows if row.action == "dropped"] == [3]


TYPED = {
    "what&#39;s R&amp;D": "what's R&D",
    "<b>how many</b> trams": "how many trams",
    "how%20many+trams+in+oslo": "how many trams in oslo",
    "un\u00ademploy\u200bment": "unemployment",
    "cafe\u0301": "caf\u00e9",
}


@LOG_KINDS
@pytest.mark.parametrize(("logged", "query"), TYPED.items())
def test_a_query_is_cleaned_like_every_other_text(
    project: Any, kind: str, logged: str, query: str
) -> None:
    outcome = project.clean(kind, project.record(kind, logged))
    assert [record["query"] for record in outcome.records] == [query]
    assert len(outcome.rows) == any(mark in logged for mark in "&<%")


def test_the_texts_of_documents_that_stand_for_nothing_are_empty_and_reported(project: Any) -> None:
    shown = [project.document("a", title="None", snippet="nan"), project.document("b")]
    record, outcome = project.clean_one("ranked_lists", all_sources=shown, negative_sources=[])
    assert (record["sources"][0]["title"], record["sources"][0]["snippet"]) == ("", "")
    [row] = outcome.rows
    assert (row.action, row.reason[:16]) == ("kept", "2 of its texts a")


def test_one_url_may_stand_for_a_list(project: Any) -> None:
    record, outcome = project.clean_one(
        "ranked_lists", positive_sources=B, negative_sources={"url": A}
    )
    assert (record["picks"], record["refused"]) == ([B], [A])
    record, _ = project.clean_one("searches", selected_sources=B)
    assert record["selected"] == [B]
    assert outcome.rows == []


def test_the_reason_of_a_reject_is_that_of_the_part_that_was_dropped(project: Any) -> None:
    bad = [{"url": "http://"}]
    assert reject(project, "ranked_lists", project.ranked_list(all_sources=bad)) == (
        "all_sources",
        "no document was shown, or none that is left: not an http or https URL",
    )
    assert reject(project, "ranked_lists", project.ranked_list(positive_sources=[Z])) == (
        "positive_sources",
        "no document that was picked is left: a URL that was never shown",
    )
    assert reject(project, "searches", project.search_record(query_source_mapping={"a": 3}))[1] == (
        "no search returned a document: expected a search, found a number"
    )


@LOG_KINDS
def test_what_identifies_people_in_questions_is_counted_and_stays(project: Any, kind: str) -> None:
    questions = ["who is ann@bakery.example?", "bob@bakery.example, call +44 20 7946 0958", "tea?"]
    outcome = project.clean(kind, *(project.record(kind, question) for question in questions))
    assert [record["query"] for record in outcome.records] == questions
    reasons = [row.reason for row in outcome.rows if row.action == "kept"]
    assert "an e-mail address is in 2 records, as users typed it" in reasons
    assert "a telephone number is in 1 records, as users typed it" in reasons
    assert not [reason for reason in reasons if "a key" in reason]


@LOG_KINDS
@pytest.mark.parametrize("field", ["timestamp", "session_id", "user"])
def test_a_lone_surrogate_in_a_time_or_an_id_is_no_error(
    project: Any, kind: str, field: str
) -> None:
    records = [project.record(kind, "tea?", **{field: f"{end}\ud800"}) for end in "ab"]
    assert len(project.clean(kind, *records).records) == 2


def test_a_report_of_feedback_masks_what_identifies_people(project: Any) -> None:
    record = project.record("ranked_lists", "tea?", timestamp="ask ann@bakery.example")
    [row] = project.clean("ranked_lists", record).rows
    assert (row.column, row.value) == ("timestamp", "ask [e-mail]")


def nested(depth: int) -> list[Any]:
    """Return a list in lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("field", ["positive_sources", "all_sources", "timestamp", "session_id"])
def test_lists_nested_deep_cost_one_record_and_no_run(project: Any, field: str) -> None:
    good, last = project.ranked_list("first?"), project.ranked_list("last?")
    bad = project.ranked_list("bad?", **{field: nested(900)})
    outcome = project.clean("ranked_lists", good, bad, last)
    kept = [record["query"] for record in outcome.records]
    assert [query for query in kept if query != "bad?"] == ["first?", "last?"]
    # Python 3.13 reads deeper: there the record has no pick, and is dropped for that.
    left_out = ("rejected", "dropped")
    assert any(row.action in left_out for row in outcome.rows) == ("bad?" not in kept)


def test_a_list_nested_too_deep_is_rejected_by_that_name(project: Any) -> None:
    deep = 900 if sys.version_info < (3, 12) else 1200  # newer ones count calls of C apart
    value = project.ranked_list(positive_sources=nested(deep))
    assert reject(project, "ranked_lists", value) == ("", "lists nested too deep")


@pytest.mark.parametrize(
    "time", ["Mon, 1 Jan 2024 111111111111111111111:00 GMT", {"$date": 10**400}]
)
def test_a_number_too_large_is_no_time_and_costs_no_record(project: Any, time: object) -> None:
    record, outcome = project.clean_one("ranked_lists", timestamp=time)
    assert record["timestamp"] == ""
    assert [row.reason for row in outcome.rows] == ["not a time"]


def test_fields_are_read_in_any_case(project: Any) -> None:
    for spell in (str.upper, str.title, lambda name: name.title().replace("_", "")):
        record = {spell(name): value for name, value in project.ranked_list().items()}
        [clean] = project.clean("ranked_lists", record).records
        assert (clean["query"], clean["picks"]) == ("how much tea?", [project.url("b")])
        searches = {spell(name): value for name, value in project.search_record().items()}
        assert len(project.clean("searches", searches).records) == 1


def test_a_column_of_questions_is_named_as_a_table_of_pandas(project: Any) -> None:
    table = {"query": ["tea?"], "all_sources": [[]], "positive_sources": [[]]}
    project.write("training_data/reranker_training_data.json", json.dumps(table))
    assert 'to_json(orient="records")' in project.stop("reranker/ranked_lists")

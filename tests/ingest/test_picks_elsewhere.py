"""Picks that stand somewhere else are a reject that says where; a record without any is dropped."""

from typing import Any

import pytest

A, B, C, Z = (f"https://example.org/{name}" for name in "abcz")


def clean_row(project: Any, *flags: dict[str, Any], **fields: object) -> Any:
    """Return the report row of a ranked list without picks, whose sources have some flags."""
    shown = [project.document(name) for name in "abc"]
    for document, extra in zip(shown, flags, strict=False):
        document.update(extra)
    [row] = project.clean("ranked_lists", project.ranked_list(**no_picks(shown, fields))).rows
    return row


def no_picks(shown: list[Any], fields: dict[str, object]) -> dict[str, object]:
    empty = {"positive_sources": None, "negative_sources": None}
    return {"all_sources": shown, **empty, **fields}


FLAGS: list[tuple[str, list[Any]]] = [
    ("clicked", [True, False, False]),
    ("Clicked", [None, True, None]),
    ("isSelected", [1, 0, 0]),
    ("was_picked", ["0", "1", "0"]),
    ("thumbs_up", [True, False, True]),
    ("visited", ["false", "true", "false"]),
    ("gold", [0, 0, 1]),
    ("label", [1, 0, 0]),
    ("relevance", [0, 1, 0]),
    ("clicked", [0.0, 1.0, None]),
    ("is_answer", [False, True, False]),
    ("pos", [True, False, False]),
]


@pytest.mark.parametrize(("name", "values"), FLAGS)
def test_picks_as_flags_of_the_sources_are_a_reject_that_names_the_flag(
    project: Any, name: str, values: list[Any]
) -> None:
    flags = [{} if value is None else {name: value} for value in values]
    row = clean_row(project, *flags)
    assert (row.action, row.column) == ("rejected", "positive_sources")
    assert row.reason.startswith(f"missing, but {name} marks ")
    assert "write the URLs of the marked sources as positive_sources" in row.remedy


NO_FLAGS: list[tuple[str, list[Any]]] = [
    ("clicked", [False, False, False]),
    ("selected", [True, True, True]),
    ("relevance", [1.0, 0.5, 0]),
    ("relevance", [1.0, 0.0, 0.0]),
    ("relevance_score", [1, 0, 0]),
    ("relevance", [1, 2, 3]),
    ("score", [1, 0, 0]),
    ("pos", [0, 1, 2]),
    ("pos", [1, 0, 0]),
    ("unselected", [True, False, False]),
    ("not_relevant", [True, False, False]),
    ("negative_label", [True, False, False]),
    ("is_clickable", [True, False, False]),
    ("sponsored", [True, False, False]),
    ("answer", ["Tea.", "Milk.", ""]),
    ("position", [0, 1, 2]),
    ("clicks", [15, 1, 0]),
]


@pytest.mark.parametrize(("name", "values"), NO_FLAGS)
def test_what_marks_no_pick_of_sources_leaves_a_list_without_a_pick(
    project: Any, name: str, values: list[Any]
) -> None:
    row = clean_row(project, *({name: value} for value in values))
    assert (row.action, row.reason) == ("dropped", "records without a pick")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pos", [B]),
        ("gold", B),
        ("goldDocs", [B, A]),
        ("visited", [{"url": B}]),
        ("thumbs_up", f'["{B}"]'),
        ("answer", B),
        ("answers", [B, Z]),
    ],
)
def test_a_field_that_is_named_like_picks_and_names_shown_urls_is_a_reject(
    project: Any, name: str, value: object
) -> None:
    row = clean_row(project, **{name: value})
    assert (row.action, row.column) == ("rejected", "positive_sources")
    assert f"{name} names documents that were shown" in row.reason
    assert row.remedy.startswith(f"rename {name} to positive_sources, if")


@pytest.mark.parametrize("name", ["labels", "clicked", "relevance_labels", "gold"])
@pytest.mark.parametrize("value", [[0, 1, 0], [True, False, False], "[1, 0, 1]"])
def test_a_list_of_a_flag_for_each_source_is_a_reject_that_says_what_to_write(
    project: Any, name: str, value: object
) -> None:
    row = clean_row(project, **{name: value})
    assert (row.action, row.column) == ("rejected", "positive_sources")
    assert row.reason.startswith(f"missing, but {name} marks ")
    assert "write the URLs of the marked sources as positive_sources" in row.remedy


@pytest.mark.parametrize("value", [{A: 0, B: 1}, {A: False, B: True, C: False}, {B: 1}])
def test_an_object_of_a_flag_for_each_url_is_a_reject(project: Any, value: object) -> None:
    for fields in ({"clicks": value}, {"feedback": value}, {"user": {"relevance": value}}):
        row = clean_row(project, **fields)
        assert (row.action, row.column) == ("rejected", "positive_sources")
        assert "marks 1 of 3 sources" in row.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", [0, 0, 0]),
        ("labels", [0, 1]),
        ("labels", [0.2, 1, 0]),
        ("labels", ["tea", "cups", "milk"]),
        ("relevance", 1),
        ("relevance", {A: 0.4, B: 0.9}),
        ("answer", "Five cups."),
        ("gold", [Z]),
        ("pos", [1, 0, 2]),
        ("position", [B]),
        ("no_answer", [B]),
        ("spam_flags", [0, 1, 0]),
        ("latency", [0, 1, 0]),
    ],
)
def test_a_field_that_marks_no_picks_leaves_a_list_without_a_pick(
    project: Any, name: str, value: object
) -> None:
    row = clean_row(project, **{name: value})
    assert (row.action, row.reason) == ("dropped", "records without a pick")


@pytest.mark.parametrize("name", ["useful", "relevance", "answer"])
def test_a_grade_of_the_answer_is_no_id_of_a_source(project: Any, name: str) -> None:
    shown = [{"id": f"{number}", "title": f"Tea {number}"} for number in (1, 2, 3)]
    record = project.ranked_list(**no_picks(shown, {name: "1"}))
    [row] = project.clean("ranked_lists", record).rows
    assert row.action == "dropped"


def test_a_record_that_says_that_nothing_was_picked_has_no_pick(project: Any) -> None:
    row = clean_row(project, {"clicked": True}, positive_sources=[], labels=[1, 0, 0])
    assert (row.action, row.reason) == ("dropped", "records without a pick")


def test_a_record_with_picks_may_have_flags_too(project: Any) -> None:
    shown = [project.document("a", clicked=True), project.document("b")]
    fields = {"all_sources": shown, "negative_sources": None, "labels": [1, 0]}
    record, outcome = project.clean_one("ranked_lists", **fields)
    assert (record["picks"], outcome.rows) == ([B], [])


def test_picks_as_flags_of_the_results_of_searches_are_a_reject(project: Any) -> None:
    shown = [project.document("a", clicked=True), project.document("b", clicked=False)]
    mapping = {"tea": {"results": shown}, "selected tea": {"results": [project.document("c")]}}
    fields = {"selected_sources": None, "query_source_mapping": mapping}
    [row] = project.clean("searches", project.search_record(**fields)).rows
    assert (row.action, row.column) == ("rejected", "selected_sources")
    assert row.reason.startswith("missing, but clicked marks 1 of 3 sources")


@pytest.mark.parametrize("name", ["title a", " TITLE OF B "])
def test_a_pick_that_is_the_title_of_a_shown_source_is_reported_as_such(
    project: Any, name: str
) -> None:
    shown = [project.document("a", title="Title A"), project.document("b")]
    fields = {"all_sources": shown, "positive_sources": [name], "negative_sources": None}
    rows = project.clean("ranked_lists", project.ranked_list(**fields)).rows
    assert [(row.action, row.column) for row in rows] == [
        ("dropped", "positive_sources"),
        ("rejected", "positive_sources"),
    ]
    assert rows[0].reason == "the title of a source that was shown, not its URL"
    assert {row.remedy for row in rows} == {"write its URL instead"}


@pytest.mark.parametrize(
    "name", ["-", "--", "no click", "No clicks", "no_selection", "not clicked", "nothing", "?"]
)
def test_a_pick_that_says_that_nothing_was_picked_is_no_url(project: Any, name: str) -> None:
    rows = project.clean("ranked_lists", project.ranked_list(positive_sources=[name])).rows
    assert rows[0].reason == "a word that means none, not a URL"
    assert {row.remedy for row in rows} == {"write [] if nothing was picked"}
    record, outcome = project.clean_one("ranked_lists", negative_sources=[name])
    assert [row.remedy for row in outcome.rows] == ["write [] if nothing was refused"]


def test_an_empty_pick_beside_a_source_without_a_url_is_a_word_for_nothing(project: Any) -> None:
    shown = [{"title": "T"}, *map(project.document, "ab")]
    fields = {"all_sources": shown, "negative_sources": None, "positive_sources": ["", B]}
    _, outcome = project.clean_one("ranked_lists", **fields)
    assert outcome.rows[-1].reason == "a word that means none, not a URL"


@pytest.mark.parametrize("name", ["no-123", "nothing.html", "notes", "d-1", Z])
def test_another_pick_that_was_not_shown_stays_a_url_that_was_never_shown(
    project: Any, name: str
) -> None:
    rows = project.clean("ranked_lists", project.ranked_list(positive_sources=[name])).rows
    assert rows[0].reason == "a URL that was never shown"


@pytest.mark.parametrize("value", [1, True, 2.5])
@pytest.mark.parametrize("field", ["positive_sources", "negative_sources"])
def test_a_choice_of_another_type_is_never_answered_with_the_advice_to_empty_it(
    project: Any, field: str, value: object
) -> None:
    [row] = project.clean("ranked_lists", project.ranked_list(**{field: value})).rows
    verb = "picked" if field == "positive_sources" else "refused"
    assert row.action == "rejected"
    assert row.remedy == f"write the list of URLs that were {verb}"


def test_a_number_alone_is_the_pick_that_has_it_as_its_id(project: Any) -> None:
    fields = {"all_sources": [{"id": 17}, {"id": 18}], "negative_sources": [18]}
    record, outcome = project.clean_one("ranked_lists", positive_sources=17, **fields)
    assert (record["picks"], outcome.rows) == (["17"], [])

"""A clean ranked list has the documents shown, in order, and the picks among them."""

from typing import Any

import pytest

A, B, C, Y, Z = (f"https://example.org/{name}" for name in "abcyz")


def test_a_ranked_list_keeps_its_order_and_its_picks(project: Any) -> None:
    fields = {"positive_sources": [C, A], "negative_sources": [], "user": "someone"}
    record, outcome = project.clean_one("ranked_lists", **fields)
    assert record == {
        "query": "how much tea?",
        "sources": [*map(project.document, "abc")],
        "picks": [C, A],
        "refused": [],
        "record": "data/training_data/reranker_training_data.json:1",
        "timestamp": "2025-01-31T12:00:00Z",
    }
    assert outcome.rows == []
    assert +outcome.counts == {"records": 1, "documents": 3, "picks": 2}


def test_a_document_that_was_neither_picked_nor_refused_stays(project: Any) -> None:
    for logged, refused in (([A], [A]), (None, [])):
        record, outcome = project.clean_one("ranked_lists", negative_sources=logged)
        assert [document["url"] for document in record["sources"]] == [A, B, C]
        assert (record["refused"], outcome.rows) == (refused, [])


def test_a_document_both_picked_and_refused_is_left_out(project: Any) -> None:
    choice = {"positive_sources": [A, B], "negative_sources": [A, C]}
    record, outcome = project.clean_one("ranked_lists", **choice)
    assert [document["url"] for document in record["sources"]] == [B, C]
    assert (record["picks"], record["refused"]) == ([B], [C])
    assert outcome.changes == [("dropped", "positive_sources", A)]
    assert "both picked and refused" in outcome.rows[0].reason


NEVER_SHOWN = [("dropped", "positive_sources", Z), ("dropped", "negative_sources", Y)]


@pytest.mark.parametrize(
    ("picks", "refused", "changes"),
    [
        ([Z, B], [Y], NEVER_SHOWN),
        ([B, f" {B} "], [], []),
        ([{"url": B, "title": "B"}], [], []),
        ([B, None], [], [("dropped", "positive_sources[1]", "nothing")]),
        ([{"url": 1}, B], [], [("dropped", "positive_sources[0]", "an object")]),
    ],
)
def test_a_choice_is_a_url_that_was_shown_or_its_document_and_counts_once(
    project: Any, picks: list[object], refused: list[object], changes: list[Any]
) -> None:
    choice = {"positive_sources": picks, "negative_sources": refused}
    record, outcome = project.clean_one("ranked_lists", **choice)
    assert (record["picks"], record["refused"]) == ([B], [])
    assert outcome.changes == changes
    if changes == NEVER_SHOWN:
        assert {row.reason for row in outcome.rows} == {"a URL that was never shown"}


def test_a_refused_document_with_the_text_of_a_picked_one_is_reported(project: Any) -> None:
    shown = [
        project.document("a", title="Tea, by county", snippet="The cups of 2020"),
        project.document("b", title="tea by counties", snippet="Cup of 2020."),
        project.document("c", title="Tea, by county", snippet="The cups of 2021"),
        {"url": Z},
    ]
    lists = {"all_sources": shown, "negative_sources": [A, C, Z]}
    record, outcome = project.clean_one("ranked_lists", **lists)
    assert record["refused"] == [A, C, Z]
    assert outcome.changes == [("kept", "negative_sources", A)]


def test_the_same_query_with_another_choice_or_order_is_another_record(project: Any) -> None:
    other_pick = project.ranked_list(positive_sources=[A], negative_sources=[])
    other_order = project.ranked_list(all_sources=[*map(project.document, "cba")])
    outcome = project.clean("ranked_lists", project.ranked_list(), other_pick, other_order)
    assert [record["query"] for record in outcome.records] == ["how much tea?"] * 3
    assert outcome.rows == []

"""A clean preference has both answers and says which one was preferred."""

from collections.abc import Callable
from typing import Any

import pytest


def test_a_preference_keeps_both_answers_with_their_lines(project: Any) -> None:
    outcome = project.clean("preferences", project.preference(user="someone"))
    location = {"record": "data/training_data/training_data.json:1"}
    assert outcome.records == [{**project.preference(), **location}]
    assert outcome.rows == []


@pytest.mark.parametrize("selected", ["response2", "2", 2, "Three cups.\n\nOr four."])
def test_the_preferred_answer_may_be_given_by_field_number_or_text(
    project: Any, selected: object
) -> None:
    outcome = project.clean("preferences", project.preference(selected_response=selected))
    assert outcome.records[0]["selected_response"] == "response2"
    assert outcome.rows == []


def test_equal_preferences_with_different_ids_are_two_records(project: Any) -> None:
    outcome = project.clean("preferences", project.preference(id="1"), project.preference(id=2))
    assert [record["id"] for record in outcome.records] == ["1", "2"]
    assert outcome.rows == []


SECOND = [
    "response2",
    "2",
    2,
    2.0,
    "B",
    "b",
    "model_b",
    "Model B",
    "right",
    " Response 2 ",
    "second",
]
SECOND += ["answer_2", "Three cups.\n\nOr four.", "2nd", "assistant_b", "B is better", "[[B]]"]
SECOND += ["A<B", "[[B>>A]]", "b > a"]


@pytest.mark.parametrize("selected", SECOND)
def test_the_second_answer_has_many_names(project: Any, selected: object) -> None:
    record, outcome = project.clean_one("preferences", selected_response=selected)
    assert record["selected_response"] == "response2"
    assert outcome.rows == []


ANSWERS = [
    {"text": "Two."},
    {"content": "Two.", "latency": 1},
    [{"role": "x"}, {"content": "Two."}],
    {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
    {"choices": [{"message": {"role": "assistant", "content": "Two."}}]},
    {"parts": [{"text": "Two."}]},
    [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Two."}],
    [{"role": "user", "text": "How many?"}, {"role": "assistant", "text": "Two."}],
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_may_be_an_object_or_a_chat(project: Any, answer: object) -> None:
    record, outcome = project.clean_one("preferences", response1=answer, selected_response=answer)
    assert (record["response1"], record["selected_response"]) == ("Two.", "response1")
    assert outcome.rows == []


TIES = ["tie", "Tie (both bad)", "both_bad", "bothbad", "both good", "neither", "draw", "EQUAL"]
TIES += ["equally good", "same quality", "both are bad", "0.5", "A=B", "无"]


@pytest.mark.parametrize("selected", TIES)
def test_a_tie_is_dropped_and_is_no_reject(project: Any, selected: str) -> None:
    outcome = project.clean("preferences", project.preference(selected_response=selected))
    assert outcome.records == []
    assert [(row.action, row.reason) for row in outcome.rows] == [("dropped", "records with a tie")]


@pytest.mark.parametrize("selected", [None, "", "N/A", "nan", -1, -1.0, "-1", -2, "-2.0"])
def test_a_vote_that_was_not_given_is_no_reject(project: Any, selected: object) -> None:
    outcome = project.clean("preferences", project.preference(selected_response=selected))
    assert [row.reason for row in outcome.rows] == ["records without a choice"]


@pytest.mark.parametrize("answer", ["Two cups.", " Two  cups. ", {"text": "Two cups."}])
def test_two_equal_answers_are_dropped_and_are_no_reject(project: Any, answer: object) -> None:
    outcome = project.clean("preferences", project.preference(response2=answer))
    reasons = [(row.action, row.reason) for row in outcome.rows]
    assert reasons == [("dropped", "records with two equal answers")]


def test_a_long_choice_takes_linear_time(project: Any, assert_linear: Callable[..., None]) -> None:
    def clean(size: int) -> None:
        answer = project.preference(selected_response="A " + "=" * size)
        assert len(project.clean("preferences", answer).records) == 1

    assert_linear(clean, 100)


def test_an_answer_is_cleaned_as_all_texts_and_a_word_for_nothing_is_none(project: Any) -> None:
    html = "<p>Two &amp; a half</p><p>cups</p>"
    record, _ = project.clean_one("preferences", response2=html, selected_response={"text": html})
    assert record["response2"] == "Two & a half\n\ncups"
    assert record["selected_response"] == "response2"
    outcome = project.clean("preferences", project.preference(response1="nan"))
    assert [row.reason for row in outcome.first_rejects] == ["an empty answer"]


CONTRADICTIONS = [
    ("B", "A", "A"),
    ("B", "A", "B"),
    ("2", "1", "1"),
    ("B.", "(A)", "a"),
    ("Option B", "Option A", "option a"),
    ("second", "first", "first"),
]


@pytest.mark.parametrize(("first", "second", "selected"), CONTRADICTIONS)
def test_a_choice_that_names_one_answer_and_quotes_the_other_is_rejected(
    project: Any, first: str, second: str, selected: str
) -> None:
    answers = {"response1": first, "response2": second, "selected_response": selected}
    outcome = project.clean("preferences", project.preference(**answers))
    assert outcome.records == []
    [row] = outcome.first_rejects
    assert (row.column, row.value) == ("selected_response", selected)
    assert row.reason == "it names one answer and is the text of the other"
    assert row.remedy == "write response1 or response2"


CLEAR = [
    ("A", "B", "A", "response1"),
    ("1", "2", "2", "response2"),
    ("A", "A.", "A", "response1"),
    ("B", "A", "response1", "response1"),
    ("B", "A", {"text": "A"}, "response2"),
    ("C", "A", "C", "response1"),
    ("C", "A", "B", "response2"),
    ("2", "1", 1, "response1"),  # a number is no text
    ("A long answer", "B", "B", "response2"),
    ("Both A and B", "Neither", "Both A and B", "response1"),
]


@pytest.mark.parametrize(("first", "second", "selected", "preferred"), CLEAR)
def test_a_choice_may_be_a_text_that_also_is_the_name_of_an_answer(
    project: Any, first: str, second: str, selected: object, preferred: str
) -> None:
    answers = {"response1": first, "response2": second, "selected_response": selected}
    outcome = project.clean("preferences", project.preference(**answers))
    assert [record["selected_response"] for record in outcome.records] == [preferred]
    assert outcome.rows == []

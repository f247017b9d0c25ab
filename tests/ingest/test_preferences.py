"""A clean preference has both answers and says which one was preferred."""

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

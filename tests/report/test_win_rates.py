"""Win rates: which of two answers users preferred, with an interval."""

import pytest

from findtune.report.win_rates import choices, wilson, win_rates

CHOICES = [
    {"query": "a?", "response1": "one two", "response2": "one", "selected_response": "response1"},
    {"query": "b?", "response1": "one", "response2": "one two", "selected_response": "response2"},
    {"query": "c?", "response1": "one", "response2": "two", "selected_response": "response2"},
]


def test_the_place_and_the_length_of_the_preferred_answer_are_counted() -> None:
    first, longer = win_rates(CHOICES)
    assert (first.name, first.wins, first.choices) == ("the first answer", 1, 3)
    assert (longer.name, longer.wins, longer.choices) == ("the longer answer", 2, 2)


def test_without_choices_there_is_no_rate() -> None:
    assert win_rates([]) == []


def test_the_interval_is_wilsons() -> None:
    rate = wilson("a", 8, 10)  # 0.49016 to 0.94331 by statsmodels' proportion_confint
    assert (rate.low, rate.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_few_texts_are_shown_masked() -> None:
    shown = choices(CHOICES, 1, str.upper)
    assert shown == [{"query": "A?", "preferred": "ONE TWO", "other": "ONE"}]
    assert choices(CHOICES, 0, str.upper) == []


def test_an_answer_without_spaces_is_as_long_as_its_letters() -> None:
    short, long = "東京です。", "日本の首都は東京で、人口は一四〇〇万人です。"
    preferences = [
        {"query": "?", "response1": short, "response2": long, "selected_response": "response2"}
    ]
    [_, longer] = win_rates(preferences)
    assert (longer.wins, longer.choices) == (1, 1)

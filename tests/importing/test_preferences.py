"""Preferences: several votes on the same two answers are one record, which the majority decides."""

from itertools import permutations
from pathlib import Path

import pytest

from findtune.importing.ratings import Rating, preferences
from findtune.importing.storage import store
from findtune.importing.tally import Row


def rating(answer: str, good: bool = True, beside: str = "", query: str = "tea") -> Rating:
    """Return a rating; beside: the answers that were shown beside the rated one."""
    value = 1.0 if good else -1.0
    row = Row("f", 1, {})
    return Rating("1", query, answer, value, good, "", "", row, beside=[*beside])


A, B = rating("a", beside="b"), rating("b", beside="a")
NOT_A = rating("a", good=False, beside="b")


def preferred(*ratings: Rating) -> list[str]:
    return [record[record["selected_response"]] for record in preferences("x", ratings)]


@pytest.mark.parametrize("votes", [*permutations([A, A, B]), [B, A, NOT_A, A, A], [A]])
def test_the_majority_of_the_votes_on_a_pair_decides(votes: list[Rating]) -> None:
    assert preferred(*votes) == ["a"]


@pytest.mark.parametrize("votes", [[A, B], [B, A], [A, NOT_A], [A, A, B, NOT_A]])
def test_a_tie_is_no_preference(votes: list[Rating]) -> None:
    assert preferred(*votes) == []


def test_each_pair_has_votes_of_its_own() -> None:
    votes = [rating("a", beside="bc"), rating("b", beside="a"), rating("a", beside="b", query="x")]
    assert preferred(*votes) == ["a", "a"]  # to c, and to b for the other question


def test_votes_on_answers_beside_each_other_count_more_than_thumbs_apart() -> None:
    assert preferred(A, rating("a", good=False), rating("a", good=False), rating("b")) == ["a"]
    assert preferred(rating("a"), rating("b", good=False)) == ["a"]


def test_votes_that_differ_change_nothing_when_they_are_imported_again(tmp_path: Path) -> None:
    records = preferences("x", [A, B, A])
    store(tmp_path, "preferences", "x", records)
    again = store(tmp_path, "preferences", "x", preferences("x", [A, B, A]))
    assert (again.new, again.changed, again.known) == (0, 0, 1)

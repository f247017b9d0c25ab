"""A number and its noun agree, and parts are listed as in a sentence."""

import pytest

from findtune.traffic.wording import counted, listed


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "line", "0 lines"),
        (1, "line", "1 line"),
        (1, "answered search", "1 answered search"),
        (2, "answered search", "2 answered searches"),
        (1200, "box", "1,200 boxes"),
    ],
)
def test_a_noun_is_plural_unless_there_is_one(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


def test_the_last_part_of_a_list_follows_an_and() -> None:
    assert [listed("a"), listed("a", "b"), listed("a", "b", "c")] == ["a", "a and b", "a, b and c"]

"""The fixture that guards against slow code notices time that grows faster than its input."""

from collections.abc import Callable

import pytest


def count(number: int) -> int:
    return sum(1 for _ in range(number))


def test_quadratic_time_is_noticed_and_linear_time_is_not(
    assert_linear: Callable[..., None],
) -> None:
    assert_linear(count, 200_000)
    with pytest.raises(AssertionError):
        assert_linear(lambda size: count(size * size), 1_000)

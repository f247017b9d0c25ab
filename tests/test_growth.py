"""The fixture that guards against slow code notices time that grows faster than its input."""

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def takes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Callable[[int], None]]:
    """Return what makes a function of which the processor time is a power of its input."""
    clock = [0.0]
    monkeypatch.setattr(time, "process_time", lambda: clock[0])

    def function(power: int) -> Callable[[int], None]:
        def run(size: int) -> None:
            clock[0] += size**power

        return run

    return function


def test_quadratic_time_is_noticed_and_linear_time_is_not(
    assert_linear: Callable[..., None], takes: Callable[[int], Callable[[int], None]]
) -> None:
    assert_linear(takes(1), 1_000)
    with pytest.raises(AssertionError):
        assert_linear(takes(2), 1_000)

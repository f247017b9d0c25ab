"""simulate_compare says how many answers a comparison took, or that it took more."""

from commands.simulate_compare import needed_lines
from findtune.monitoring.simulated_users import Run


def test_comparisons_that_never_end_are_no_error() -> None:
    lines = needed_lines([Run(None, None), Run("B", 7)])
    assert lines == [
        "called better in 0 of 2 runs, worse in 1",
        "answered searches that it took: more than were simulated",
    ]
    assert "50% within 20" in needed_lines([Run("A", 20)])[1]

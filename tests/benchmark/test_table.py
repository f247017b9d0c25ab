"""Ratios are of medians, their range is of single runs, and the table shows both."""

import pytest

from findtune.benchmark.comparisons import COMPARISONS, Comparison
from findtune.benchmark.result import Result
from findtune.benchmark.table import compare, peaks_of, short, table

TRAINING = Comparison("training", {"stock": "as shipped"})


def runs(*rates: float, gigabytes: float = 1.0, **facts: float) -> list[Result]:
    return [Result({"pairs/s": rate}, facts, int(gigabytes * 1e9)) for rate in rates]


def test_a_ratio_is_of_medians_and_its_range_of_the_farthest_runs() -> None:
    ratio = compare([300, 200, 900], [100, 50])
    assert (ratio.ours, ratio.stock) == (300, 75)
    assert (ratio.middle, ratio.low, ratio.high) == (4, 2, 18)


def test_a_slower_contestant_has_a_ratio_below_one() -> None:
    assert compare([10, 10, 10], [40, 40]).middle == 0.25


def test_the_table_has_a_row_for_each_opponent_with_the_memory_of_both() -> None:
    comparison = Comparison("training", {"stock": "as shipped", "large": "large batches"})
    results = {"ours": runs(400, 410, 390, gigabytes=1.5)}
    results |= {"stock": runs(100, 100, gigabytes=2.5), "large": runs(200, 200)}
    lines = table({"t": comparison}, {"t": results}).splitlines()
    assert lines[2:] == [
        "| training, as shipped | pairs/s | 400 | 100 | 4.00 | 3.90 to 4.10 | 1.50 | 2.50 |",
        "| training, large batches | pairs/s | 400 | 200 | 2.00 | 1.95 to 2.05 | 1.50 | 1.00 |",
    ]
    assert len({line.count("|") for line in lines}) == 1


def test_gflops_are_shown_with_their_share_of_what_matrix_products_reach() -> None:
    peak = {"ours": [Result({}, {"bf16 GFLOP/s": 1000.0, "fp32 GFLOP/s": 200.0})]}
    training = {
        "ours": runs(4, 4, 4, **{"bf16 GFLOP/s": 250.0}),
        "stock": runs(1, 1, **{"fp32 GFLOP/s": 50.0}),
    }
    comparisons = {"matrix_products": COMPARISONS["matrix_products"], "t": TRAINING}
    text = table(comparisons, {"matrix_products": peak, "t": training})
    assert "| matrix products | bf16 GFLOP/s | 1,000 |" in text
    assert "| training | bf16 GFLOP/s | 250 (25%) |  |" in text
    assert "| training, as shipped | fp32 GFLOP/s |  | 50.0 (25%) |" in text


def test_without_matrix_products_there_is_no_share() -> None:
    results = {"t": {"ours": runs(1, **{"bf16 GFLOP/s": 250.0}), "stock": runs(1)}}
    assert peaks_of(results) == {}
    assert "| 250 |" in table({"t": TRAINING}, results)


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23"), (0.7938, "0.794")]
)
def test_a_number_has_at_least_three_digits(value: float, text: str) -> None:
    assert short(value) == text

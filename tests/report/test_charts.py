"""Charts have readable axes, a text for screen readers, and no markup from outside."""

import re

import pytest

from findtune.report.charts import (
    bar_chart,
    interval_chart,
    line_chart,
    reliability_chart,
    span_of,
    tick_values,
)


@pytest.mark.parametrize(
    ("span", "ticks"),
    [
        ((0.0, 1.0), [0.0, 0.5, 1.0]),
        ((0.58, 0.87), [0.6, 0.7, 0.8]),
        ((-0.03, 0.03), [-0.02, 0.0, 0.02]),
        ((0.0, 816.0), [0.0, 500.0]),
    ],
)
def test_ticks_are_round_numbers_within_the_span(
    span: tuple[float, float], ticks: list[float]
) -> None:
    assert tick_values(span) == ticks


def test_a_span_is_never_empty() -> None:
    assert span_of([0.0, 0.0]) == (-0.05, 0.05)
    low, high = span_of([0.5])
    assert low < 0.5 < high


def test_a_higher_value_stands_higher_and_the_kept_step_is_marked() -> None:
    chart = line_chart([(0, 0.5), (4, 0.6)], x_label="step", y_label="map", marked=4)
    [line] = re.findall(r'<polyline class="line" points="([^"]*)"', chart)
    (left, lower), (right, upper) = (
        tuple(map(float, point.split(","))) for point in line.split(" ")
    )
    assert left < right
    assert lower > upper  # pixels count from the top
    assert re.findall(r'<circle class="(\w+)"', chart) == ["dot", "kept"]
    assert 'role="img"' in chart
    assert 'aria-label="map by step: 0.5000, 0.6000"' in chart


def test_a_name_from_outside_is_escaped_in_texts_and_attributes() -> None:
    hostile = '"><script>alert(1)</script>'
    chart = bar_chart([(hostile, 3)], x_label=hostile, y_label=hostile)
    assert "<script" not in chart
    assert chart.count("&#34;&gt;&lt;script&gt;") == 5


def test_bars_are_as_high_as_their_counts() -> None:
    chart = bar_chart([("a", 10), ("b", 5), ("c", 0)], x_label="x", y_label="y")
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"', chart)]
    assert heights[1] == pytest.approx(heights[0] / 2, abs=0.2)
    assert heights[2] == 0


@pytest.mark.parametrize(
    ("low", "high", "css"), [(0.1, 0.3, "gain"), (-0.3, -0.1, "loss"), (-0.1, 0.3, "open")]
)
def test_an_interval_is_a_gain_only_above_zero(low: float, high: float, css: str) -> None:
    chart = interval_chart(low, (low + high) / 2, high, (-0.3, 0.3))
    assert f'class="interval {css}"' in chart
    ends = re.findall(r'class="range" x1="([\d.]+)" x2="([\d.]+)"', chart)
    [zero] = re.findall(r'class="zero" x1="([\d.]+)"', chart)
    [(first, last)] = ends
    assert (float(first) > float(zero), float(last) > float(zero)) == (low > 0, high > 0)


def test_a_bin_with_more_documents_has_a_larger_dot() -> None:
    chart = reliability_chart([(0.1, 0.0, 100), (0.9, 1.0, 1)])
    many, few = (float(radius) for radius in re.findall(r'<circle [^>]*r="([\d.]+)"', chart))
    assert many > few

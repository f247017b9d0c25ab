"""A chart of a measure by week; the line of a version breaks at weeks without a value."""

from collections.abc import Sequence

from markupsafe import Markup

from findtune.report.charts import BOTTOM, Frame, Point, join, span_of, tick_values

Series = tuple[str, list[Point]]  # a version, and its points: (index of the week, value)

MAX_LABELS = 6  # of weeks below a chart
STYLES = 4  # of lines, told apart by color, dashes and shape of the points


def trend_chart(series: Sequence[Series], weeks: Sequence[str], label: str) -> Markup:
    """Return the chart. weeks: their names, in order; label: what is measured."""
    values = [value for _, points in series for _, value in points]
    frame = Frame((-0.4, len(weeks) - 0.6), positive_span(values), height=210)
    marks = [week_axis(frame, weeks)]
    texts = []
    for number, (version, points) in enumerate(series):
        style = f"version-{number % STYLES}"
        marks += [frame.polyline(part, f"trend {style}") for part in without_gaps(points)]
        marks += [
            frame.dot(point, f"point {style}", f"{weeks[int(point[0])]}, {version}: {point[1]:.4g}")
            for point in points
        ]
        texts += [f"{weeks[int(week)]} {version} {value:.4g}" for week, value in points]
    return frame.svg(f"{label} by week: {'; '.join(texts)}", marks)


def without_gaps(points: Sequence[Point]) -> list[list[Point]]:
    """Return points in runs of neighbouring weeks: a line over a gap would show what is unknown."""
    runs: list[list[Point]] = []
    for point in points:
        if not runs or point[0] - runs[-1][-1][0] > 1:
            runs.append([])
        runs[-1].append(point)
    return runs


def positive_span(values: Sequence[float]) -> tuple[float, float]:
    """Return a span around some values that does not go below zero unless they do."""
    low, high = span_of(values, 0.15)
    return (max(low, 0.0) if min(values) >= 0 else low), high


def week_axis(frame: Frame, weeks: Sequence[str]) -> Markup:
    """Return horizontal grid lines with their numbers, and the names of some weeks."""
    line = Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text x="{}" y="{}" text-anchor="end">{:g}</text>'
    )
    name = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>')
    left, right = frame.px(frame.x[0]), frame.px(frame.x[1])
    rows = [(frame.py(tick), tick) for tick in tick_values(frame.y)]
    step = -(-len(weeks) // MAX_LABELS)
    labels = [(frame.px(number), weeks[number][2:]) for number in range(0, len(weeks), step)]
    below = frame.height - BOTTOM + 15
    return join(
        [
            *(line.format(left, right, y, y, left - 5, y + 4, tick) for y, tick in rows),
            *(name.format(x, below, week) for x, week in labels),
        ]
    )

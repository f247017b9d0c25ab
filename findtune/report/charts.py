"""Charts as inline SVG, colored by the page's style sheet, each with a text for screen readers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

Span = tuple[float, float]
Point = tuple[float, float]

LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 38  # margins, pixels
STEPS = (1, 2, 5, 10)


def join(parts: Iterable[Markup]) -> Markup:
    """Return pieces of markup joined into one."""
    return Markup("").join(parts)


def tick_values(span: Span, count: int = 4) -> list[float]:
    """Return round numbers within a span, about `count` of them."""
    low, high = span
    raw = (high - low) / count
    power = 10.0 ** floor(log10(raw))
    step = next(factor * power for factor in STEPS if factor * power >= raw * 0.999)
    first = ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, floor(high / step + 1e-9) + 1)]


def span_of(values: Iterable[float], padding: float = 0.08) -> Span:
    """Return a span around some values, never empty."""
    numbers = [*values]
    low, high = min(numbers), max(numbers)
    extra = (high - low) * padding or max(abs(high) * padding, 0.05)
    return low - extra, high + extra


@dataclass(frozen=True)
class Frame:
    """The plane of a chart: its size in pixels, and the spans of both axes."""

    x: Span
    y: Span
    width: int = 320
    height: int = 220

    def px(self, value: float) -> float:
        """Return the horizontal position of a value, in pixels."""
        low, high = self.x
        return round(LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT), 1)

    def py(self, value: float) -> float:
        """Return the vertical position of a value, in pixels from the top."""
        low, high = self.y
        height = self.height - TOP - BOTTOM
        return round(TOP + height - (value - low) / (high - low) * height, 1)

    def axes(self, x_label: str, y_label: str) -> Markup:
        """Return grid lines with their numbers, and the names of both axes."""
        floor_line, end = self.height - BOTTOM, self.width - RIGHT
        horizontal = Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<text x="{}" y="{}" text-anchor="end">{:g}</text>'
        )
        vertical = Markup('<text x="{}" y="{}" text-anchor="middle">{:g}</text>')
        names = Markup(
            '<text x="{}" y="{}" text-anchor="middle">{}</text>'
            '<text transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>'
        )
        rows = [(self.py(tick), tick) for tick in tick_values(self.y)]
        return join(
            [
                *(horizontal.format(LEFT, end, y, y, LEFT - 5, y + 4, tick) for y, tick in rows),
                *(
                    vertical.format(self.px(tick), floor_line + 15, tick)
                    for tick in tick_values(self.x)
                ),
                names.format(
                    (LEFT + end) / 2, self.height - 5, x_label, (TOP + floor_line) / 2, y_label
                ),
            ]
        )

    def svg(self, description: str, marks: Iterable[Markup]) -> Markup:
        """Return the SVG with some marks. description: the text for screen readers."""
        return Markup(
            '<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>'
        ).format(self.width, self.height, description, join(marks))

    def polyline(self, points: Sequence[Point], css: str) -> Markup:
        """Return a line through some points."""
        path = " ".join(f"{self.px(x)},{self.py(y)}" for x, y in points)
        return Markup('<polyline class="{}" points="{}"/>').format(css, path)

    def dot(self, point: Point, css: str, hint: str, radius: float = 3.5) -> Markup:
        """Return a dot. hint: its tooltip."""
        return Markup(
            '<circle class="{}" cx="{}" cy="{}" r="{:g}"><title>{}</title></circle>'
        ).format(css, self.px(point[0]), self.py(point[1]), radius, hint)


def line_chart(points: Sequence[Point], *, x_label: str, y_label: str, marked: float) -> Markup:
    """Return a curve; marked: the x of the point that was kept."""
    frame = Frame(span_of([x for x, _ in points], 0.03), span_of(y for _, y in points), height=200)
    dots = [
        frame.dot((x, y), "kept" if x == marked else "dot", f"{x_label} {x:g}: {y:.4f}")
        for x, y in points
    ]
    values = ", ".join(f"{y:.4f}" for _, y in points)
    return frame.svg(
        f"{y_label} by {x_label}: {values}",
        [frame.axes(x_label, ""), frame.polyline(points, "line"), *dots],
    )


def scatter(
    points: Sequence[Point],
    *,
    x_label: str,
    y_label: str,
    description: str,
    spans: tuple[Span, Span],
    css: str,
) -> Markup:
    """Return a scatter plot with the diagonal, on which both values are equal."""
    frame = Frame(*spans, height=280)
    low, high = max(spans[0][0], spans[1][0]), min(spans[0][1], spans[1][1])
    diagonal = frame.polyline([(low, low), (high, high)], "diagonal")
    dots = [frame.dot(point, css, f"{point[0]:g}, {point[1]:.2f}", 2.6) for point in points]
    return frame.svg(description, [frame.axes(x_label, y_label), diagonal, *dots])


def reliability_chart(bins: Sequence[tuple[float, float, int]]) -> Markup:
    """Return the reliability diagram of bins of (predicted, observed, count).

    Source: DeGroot and Fienberg, The Statistician 1983. A larger dot stands for more documents.
    """
    frame = Frame((0.0, 1.0), (0.0, 1.0), height=300, width=340)
    most = max(count for *_, count in bins)
    dots = [
        frame.dot(
            (predicted, observed),
            "tuned",
            f"predicted {predicted:.2f}, picked {observed:.2f}, {count} documents",
            3 + 8 * (count / most) ** 0.5,
        )
        for predicted, observed, count in bins
    ]
    values = "; ".join(f"{predicted:.2f} to {observed:.2f}" for predicted, observed, _ in bins)
    return frame.svg(
        f"Share of documents that users picked, by predicted relevance: {values}",
        [
            frame.axes("predicted relevance", "share picked"),
            frame.polyline([(0, 0), (1, 1)], "diagonal"),
            frame.polyline([(predicted, observed) for predicted, observed, _ in bins], "line"),
            *dots,
        ],
    )


def bar_chart(bars: Sequence[tuple[str, int]], *, x_label: str, y_label: str) -> Markup:
    """Return a bar chart of names and counts, with the count on top of each bar."""
    frame = Frame(
        (0.0, float(len(bars))),
        (0.0, max(count for _, count in bars) * 1.12 or 1.0),
        width=400,
    )
    unit = frame.px(1) - frame.px(0)
    bar = Markup(
        '<rect class="bar" x="{}" y="{}" width="{:.1f}" height="{:.1f}"/>'
        '<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>'
        '<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>'
    )
    base, marks = frame.py(0), []
    for number, (name, count) in enumerate(bars):
        x, y = frame.px(number), frame.py(count)
        middle = x + unit / 2
        numbers = (middle, round(y - 4, 1), f"{count:,}", middle, base + 15, name)
        marks.append(bar.format(round(x + 1, 1), y, unit - 2, base - y, *numbers))
    values = ", ".join(f"{name}: {count}" for name, count in bars)
    axis = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
        frame.width / 2, frame.height - 5, x_label
    )
    return frame.svg(f"{y_label} by {x_label}. {values}", [axis, *marks])


def interval_chart(low: float, mean: float, high: float, span: Span) -> Markup:
    """Return an interval around a mean, on a line with a mark at zero."""
    width, height = 200, 22
    left, right = min(span[0], 0.0), max(span[1], 0.0)
    scale = (width - 16) / ((right - left) or 1.0)
    x = {
        name: round(8 + (value - left) * scale, 1)
        for name, value in (("zero", 0.0), ("low", low), ("mean", mean), ("high", high))
    }
    sign = "gain" if low > 0 else "loss" if high < 0 else "open"
    return Markup(
        '<svg class="interval {sign}" role="img" viewBox="0 0 {width} {height}" '
        'aria-label="{text}">'
        '<line class="zero" x1="{zero}" x2="{zero}" y1="1" y2="21"/>'
        '<line class="range" x1="{low}" x2="{high}" y1="11" y2="11"/>'
        '<circle class="mean" cx="{mean}" cy="11" r="4.5"/></svg>'
    ).format(
        sign=sign,
        width=width,
        height=height,
        text=f"{mean:+.4f}, between {low:+.4f} and {high:+.4f}",
        **x,
    )

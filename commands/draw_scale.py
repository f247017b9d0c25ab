"""Draw how time grows with the data: docs/scale.svg, from the measurements in docs/scale.csv.

    python -m commands.draw_scale

Reads   docs/scale.csv   panel, unit, line, size, value, how: measured or extrapolated;
                         extrapolated values get hollow dots
Writes  docs/scale.svg
"""

import csv
from collections.abc import Sequence
from html import escape
from itertools import groupby
from math import log10
from pathlib import Path

import click

from findtune.core.files import atomic_open
from stages.command import Stage

SOURCE, TARGET = Path("docs", "scale.csv"), Path("docs", "scale.svg")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 300, 60, 34, 110  # of a panel, pixels
COLORS = ("#1f6fb4", "#c2410c", "#15803d", "#7e22ce", "#475569")
SIZES = (4, 6)  # powers of ten
EXTRAPOLATED = "extrapolated"

Row = dict[str, str]


@click.command(cls=Stage)
def main() -> None:
    """Draw docs/scale.svg from docs/scale.csv."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    with atomic_open(TARGET) as file:
        file.write(svg_of(rows))


def svg_of(rows: Sequence[Row]) -> str:
    """Return the SVG of all panels, side by side."""
    panels = [[*group] for _, group in groupby(rows, lambda row: row["panel"])]
    body = "".join(panel(group, number * WIDTH) for number, group in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f"{body}</svg>\n"
    )


def panel(rows: Sequence[Row], left: int) -> str:
    """Return one panel with both axes in powers of ten."""
    powers = [log10(float(row["value"])) for row in rows]
    low, high = int(min(powers) // 1), int(-(-max(powers) // 1))
    title = f"{rows[0]['panel']}, {rows[0]['unit']}"
    parts = [f'<g transform="translate({left} 0)"><text x="{LEFT}" y="18">{escape(title)}</text>']
    for power in range(low, high + 1):
        y = place(power, low, high)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g}</text>')
    for power in range(SIZES[0], SIZES[1] + 1):
        x, y = column(power), HEIGHT - BOTTOM + 15
        parts.append(f'<text x="{x}" y="{y}" text-anchor="middle">{10**power:,}</text>')
    for number, (name, points) in enumerate(groupby(rows, lambda row: row["line"])):
        parts.append(line(name, [*points], (low, high), number))
    return "".join([*parts, "</g>"])


def line(name: str, rows: Sequence[Row], span: tuple[int, int], number: int) -> str:
    """Return one line: its dots, the segments between them, and its name below the panel."""
    color = COLORS[number % len(COLORS)]
    points = [
        (column(log10(float(row["size"]))), place(log10(float(row["value"])), *span))
        for row in rows
    ]
    path = " ".join(f"{x},{y}" for x, y in points)
    fills = ("white" if row["how"] == EXTRAPOLATED else color for row in rows)
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="3" fill="{fill}" stroke="{color}"/>'
        for (x, y), fill in zip(points, fills, strict=True)
    )
    y = HEIGHT - BOTTOM + 34 + 14 * number
    return (
        f'<polyline points="{path}" fill="none" stroke="{color}"/>{dots}'
        f'<text x="{LEFT}" y="{y}" fill="{color}">{escape(name)}</text>'
    )


def place(power: float, low: int, high: int) -> float:
    """Return the vertical position of a power of ten, in pixels."""
    return round(HEIGHT - BOTTOM - (power - low) / (high - low) * (HEIGHT - BOTTOM - TOP), 1)


def column(power: float) -> float:
    """Return the horizontal position of a power of ten, in pixels."""
    share = (power - SIZES[0]) / (SIZES[1] - SIZES[0])
    return round(LEFT + 15 + share * (WIDTH - LEFT - 60), 1)


if __name__ == "__main__":
    main()

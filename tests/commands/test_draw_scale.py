"""The drawing of how cost grows shows what was measured."""

import csv
from pathlib import Path

from commands.draw_scale import EXTRAPOLATED, SOURCE, TARGET, svg_of


def test_the_drawing_in_the_documents_is_that_of_the_measurements() -> None:
    with SOURCE.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    svg = svg_of(rows)
    assert svg == Path(TARGET).read_text(encoding="utf-8"), "run `python -m commands.draw_scale`"
    assert svg.count("<circle") == len(rows)


def test_ten_times_the_time_is_drawn_one_line_of_the_grid_higher() -> None:
    row = {"panel": "Time", "unit": "s", "line": "a", "size": "10000", "value": "1", "how": ""}
    higher = row | {"size": "100000", "value": "10"}
    flat = svg_of([row, higher | {"value": "1"}, row | {"line": "b", "value": "10"}])
    assert '<circle cx="75.0" cy="190.0"' in svg_of([row, higher])
    assert 'cy="34.0"' in svg_of([row, higher])
    assert 'cx="75.0" cy="34.0"' in flat


def test_what_was_not_measured_is_drawn_hollow() -> None:
    row = {"panel": "Time", "unit": "s", "line": "a", "size": "10000", "value": "1"}
    first, second = row | {"how": "measured"}, row | {"size": "100000", "value": "10"}
    assert 'fill="white" stroke' not in svg_of([first, second | {"how": "measured"}])
    assert svg_of([first, second | {"how": EXTRAPOLATED}]).count('fill="white" stroke') == 1

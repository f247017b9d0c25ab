"""The page shows what was measured, escapes what users typed, and loads nothing."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from findtune.monitoring.drift import Novelty
from findtune.monitoring.page import TRENDS, MonitorInputs, as_text, render, trends, unlike_texts
from findtune.monitoring.questions import KnownQuestions
from findtune.monitoring.retraining import MonitorSettings, judge
from findtune.monitoring.trends import trend_chart
from findtune.monitoring.weekly import weekly_rows
from findtune.traffic.reader import Traffic

HOSTILE = "<script>alert(1)</script> write to jo@example.org"
SETTINGS = {"level": 0.05, "recent_weeks": 2, "max_unlike": 0.1, "max_separation": 0.6}
SETTINGS |= {"max_change": 0.05, "new_answers": 100.0}


@pytest.fixture
def inputs(known: KnownQuestions, serve: Callable[..., Traffic]) -> MonitorInputs:
    """Return what a page shows of two weeks, of which the second one has a hostile question."""
    novelty = Novelty.of(known)
    traffic = serve([known.held_out[:5], [HOSTILE, known.trained[0]]], [2, 0])
    return MonitorInputs(
        size="small",
        verdict=judge(traffic, known, novelty, MonitorSettings.model_validate(SETTINGS)),
        rows=weekly_rows(traffic, novelty),
        skipped=3,
        texts=unlike_texts(traffic.searches, novelty, 1),
    )


def test_a_hostile_question_is_shown_masked_and_does_not_run(inputs: MonitorInputs) -> None:
    page = render(inputs)
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt; write to [e-mail]" in page
    assert "jo@example.org" not in page


def test_no_text_of_users_is_shown_unless_examples_allow_it(inputs: MonitorInputs) -> None:
    page = render(replace(inputs, texts=[]))
    assert "alert" not in page
    assert "No text is shown" in page
    assert not any(question in page for question in ("kenya", "in peru", "how many"))


def test_the_page_has_a_row_for_each_week_and_its_tests(inputs: MonitorInputs) -> None:
    page = render(inputs)
    for text in ("Retrain: no", "2026-W41", "2026-W42", "Kolmogorov-Smirnov", "3 lines could not"):
        assert text in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_of_one_week_compares_with_nothing(
    inputs: MonitorInputs, known: KnownQuestions, serve: Callable[..., Traffic]
) -> None:
    novelty, traffic = Novelty.of(known), serve([known.trained[:40]], [4])
    alone = judge(traffic, known, novelty, MonitorSettings.model_validate(SETTINGS))
    page = render(replace(inputs, verdict=alone, skipped=1))
    for name, now in (("answers without a pick", "0.000"), ("rank of the first pick", "0.250")):
        [_, cells] = page.split(f'<th scope="row">{name}</th>')
        assert f'<td class="n">{now}</td><td class="n">-</td>' in cells.partition("</tr>")[0]
    assert " before</li>" not in page
    assert "1 line could not be read; left out." in page


def test_a_chart_has_a_line_for_each_version_and_a_text_for_screen_readers() -> None:
    series = [("v1", [(0.0, 1.0), (1.0, 2.0)]), ("v2", [(1.0, 3.0)])]
    chart = trend_chart(series, ["2026-W41", "2026-W42"], "top score")
    assert chart.count("<polyline") == 2
    assert chart.count("<circle") == 3
    assert 'aria-label="top score by week: 2026-W41 v1 1; 2026-W42 v1 2; 2026-W42 v2 3"' in chart


@pytest.mark.parametrize(
    ("served", "lines"),
    [
        ({"2026-W10": 1.0, "2026-W40": 2.0}, 2),
        ({"2026-W10": 1.0, "2026-W11": 2.0, "2026-W12": 1.0}, 1),
        ({"2025-W52": 1.0, "2026-W01": 2.0, "2026-W03": 1.0}, 2),
        ({"2020-W52": 1.0, "2020-W53": 2.0, "2021-W01": 1.0}, 1),  # a year of 53 weeks
        ({"2026-W10": 1.0, "2026-W11": None, "2026-W12": 1.0}, 2),  # searches without a value
    ],
)
def test_a_line_breaks_at_weeks_without_a_value(
    served: dict[str, float | None], lines: int
) -> None:
    empty = dict.fromkeys(TRENDS)
    rows = [
        {**empty, "week": week, "version": "v1", "top_score": value}
        for week, value in served.items()
    ]
    [(_, chart)] = trends(rows)
    assert chart.count("<polyline") == lines
    assert chart.count("<circle") == sum(value is not None for value in served.values())


def test_weeks_stand_where_the_calendar_has_them() -> None:
    values = {"2026-W10": 1.0, "2026-W11": 2.0, "2026-W40": 3.0}
    rows = [
        {**dict.fromkeys(TRENDS), "week": week, "version": "v1", "top_score": value}
        for week, value in values.items()
    ]
    [(_, chart)] = trends(rows)
    first, second, last = (float(x) for x in re.findall(r'cx="([\d.]+)"', chart))
    assert last - first == pytest.approx(30 * (second - first), rel=0.03)
    assert "2026-W40 v1 3" in chart


@pytest.mark.parametrize(
    ("value", "is_share", "text"),
    [(None, False, "-"), (0.123, True, "12.3%"), (1234.5, False, "1,234"), (0.5, False, "0.5")],
)
def test_a_cell_is_short(value: float | None, is_share: bool, text: str) -> None:
    assert as_text(value, is_share=is_share) == text

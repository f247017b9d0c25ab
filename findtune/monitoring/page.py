"""Monitoring as one HTML page that needs no other file: every text is escaped by the template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from findtune.monitoring.drift import NORMAL, Novelty
from findtune.monitoring.questions import distinct
from findtune.monitoring.retraining import Verdict
from findtune.monitoring.trends import Series, trend_chart
from findtune.monitoring.weekly import calendar_weeks
from findtune.pages.masking import mask
from findtune.pages.standalone import render_standalone
from findtune.report.charts import bar_chart
from findtune.traffic.records import SearchRecord
from findtune.traffic.wording import counted

TEMPLATES = Path(__file__).parent / "templates"
MAX_TEXT_CHARS = 300
# Measure -> its name on the page, and whether it is a share.
TRENDS = {
    "share_unlike": ("questions unlike the training questions", True),
    "share_without_pick": ("answers without a pick", True),
    "reciprocal_rank": ("mean reciprocal rank of the first pick", False),
    "top_score": ("score of the first source, median", False),
    "latency_p95": ("latency in ms, 95th percentile", False),
    "share_entities_lost": ("rewrites that lost a name or number", True),
}
COLUMNS = {
    "searches": "searches",
    "answered": "answered",
    "share_without_pick": "without a pick",
    "reciprocal_rank": "recip. rank",
    "top_score": "top score",
    "latency_p50": "ms, median",
    "latency_p95": "ms, 95 %",
    "share_entities_lost": "entities lost",
    "share_unlike": "unlike",
}
SECTIONS = {
    "verdict": "Verdict",
    "trends": "Trends",
    "weeks": "Weeks",
    "ranks": "Picks by rank",
    "languages": "Languages",
    "questions": "Questions",
}.items()
SHARES = {name for name in COLUMNS if name.startswith("share_")}


@dataclass(frozen=True)
class MonitorInputs:
    """What the page shows. rows: see `weekly_rows`. texts: the questions least like
    training, with their similarities."""

    size: str
    verdict: Verdict
    rows: list[dict[str, Any]]
    skipped: int
    texts: list[tuple[str, float]]


def unlike_texts(
    searches: Sequence[SearchRecord], novelty: Novelty, examples: int
) -> list[tuple[str, float]]:
    """Return the questions least like training, masked and cut, with their similarities."""
    questions = distinct([search.question for search in searches])
    similarities = novelty.similarities(questions)
    order = similarities.argsort(kind="stable")[:examples]
    masked = [(mask(questions[row]), float(similarities[row])) for row in order]
    return [(text[:MAX_TEXT_CHARS], similarity) for text, similarity in masked]


def render(inputs: MonitorInputs) -> str:
    """Return the page."""
    return render_standalone(
        TEMPLATES / "monitor.html",
        inputs=inputs,
        sections=SECTIONS,
        normal=NORMAL,
        columns=COLUMNS,
        skipped=counted(inputs.skipped, "line"),
        rows=[table_row(row) for row in inputs.rows],
        trends=trends(inputs.rows),
        ranks=[(version, rank_chart(own)) for version, own in by_version(inputs.rows).items()],
        languages=[language_row(row) for row in inputs.rows],
        versions=[*by_version(inputs.rows)],
    )


def by_version(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the rows of each version, in the order of their first week."""
    versions: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        versions.setdefault(row["version"], []).append(row)
    return versions


def table_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its cells as text."""
    cells = [as_text(row[name], is_share=name in SHARES) for name in COLUMNS]
    return {"week": row["week"], "version": row["version"], "cells": cells}


def as_text(value: float | None, *, is_share: bool) -> str:
    """Return a value as the text of a cell; a dash if there is none."""
    if value is None:
        return "-"
    if is_share:
        return f"{value:.1%}"
    return f"{value:,.0f}" if isinstance(value, int) or value >= 100 else f"{value:.3g}"


def trends(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, Markup]]:
    """Return a chart by week for each measure with values; each version has its own line."""
    named = [row["week"] for row in rows]
    weeks = calendar_weeks(min(named), max(named))
    places = {week: place for place, week in enumerate(weeks)}
    charts = []
    for name, (label, is_share) in TRENDS.items():
        scale = 100 if is_share else 1
        series: list[Series] = [
            (
                version,
                [(places[row["week"]], scale * row[name]) for row in own if row[name] is not None],
            )
            for version, own in by_version(rows).items()
        ]
        if any(points for _, points in series):
            unit = " (%)" if is_share else ""
            charts.append((label + unit, trend_chart(series, weeks, label)))
    return charts


def rank_chart(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return a bar chart of how often the source at each rank was picked."""
    ranks = {name: 0 for name in rows[0]["picks_by_rank"]}
    for row in rows:
        for name, count in row["picks_by_rank"].items():
            ranks[name] += count
    return bar_chart([*ranks.items()], x_label="rank", y_label="picks")


def language_row(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the most frequent languages of a row."""
    shares = [*row["languages"].items()][:5]
    text = ", ".join(f"{code} {share:.0%}" for code, share in shares)
    return {"week": row["week"], "version": row["version"], "text": text or "all too short to tell"}

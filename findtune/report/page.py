"""The report as one HTML page that needs no other file: every text is escaped by the template."""

from math import isnan
from pathlib import Path
from typing import Any

from markupsafe import Markup

from findtune.pages.masking import mask
from findtune.pages.standalone import render_standalone
from findtune.report import markdown
from findtune.report.changes import model_changes, pair_changes, read_titles, stack_changes
from findtune.report.charts import (
    Point,
    bar_chart,
    line_chart,
    reliability_chart,
    scatter,
    span_of,
)
from findtune.report.data_statistics import (
    NOTHING,
    labels,
    lengths,
    lessons,
    omissions,
    problems,
)
from findtune.report.inputs import ModelInputs, ReportInputs
from findtune.report.stack_results import interval_rows, stack_results
from findtune.report.win_rates import choices, win_rates

TEMPLATES = Path(__file__).parent / "templates"
NOT_CURVES = ("step", "score", "error")  # columns of history.csv that are not measures
BINS = 10  # of the reliability diagram, equally wide


def render(inputs: ReportInputs, examples: int) -> str:
    """Return the page. examples: how many texts each table shows."""
    template = TEMPLATES / "report.html"
    return render_standalone(template, **content(inputs, examples), bar_chart=bar_chart)


def content(inputs: ReportInputs, examples: int) -> dict[str, Any]:
    """Return what the template shows."""
    stack = inputs.stack
    changes = [stack_changes(stack, inputs.models, examples)] if stack else []
    titles = read_titles(inputs.models)
    changes += [model_changes(model, titles, examples) for model in inputs.models]
    preferences = [
        record for kind in inputs.kinds if kind.name == "preferences" for record in kind.records
    ]
    values = {
        "inputs": inputs,
        "stack": stack_results(stack) if stack else None,
        "models": [model_results(model, inputs.size) for model in inputs.models],
        "all_changes": [change for change in changes if change],
        "pairs": next(filter(None, (pairs(model, examples) for model in inputs.models)), None),
        "reliability": next(filter(None, map(reliability, inputs.models)), None),
        "lessons": lessons(inputs.models),
        "omissions": omissions(inputs.models),
        "problems": problems(inputs.kinds),
        "lengths": lengths(inputs.kinds),
        "labels": labels(inputs.kinds),
        "win_rates": win_rates(preferences),
        "choices": choices(preferences, examples, mask),
        "costs": [cost(model) for model in inputs.models],
    }
    return {**values, "sections": sections(values)}


def sections(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the id and name of each section on the page."""
    named = {
        "verdict": ("Verdict", True),
        "models": ("Models", True),
        "grid": ("Grid", values["stack"]),
        "training": ("Training", True),
        "questions": ("Questions", True),
        "pairs": ("Scored pairs", values["pairs"]),
        "calibration": ("Calibration", values["reliability"]),
        "data": ("Data", True),
        "preferences": ("Preferences", values["win_rates"]),
        "cost": ("Cost", True),
    }
    return [(key, name) for key, (name, is_there) in named.items() if is_there]


def model_results(model: ModelInputs, size: str) -> dict[str, Any]:
    """Return what the report shows of one model."""
    metrics = model.metrics
    columns = markdown.rankings_of(metrics)
    differences = {
        notes or "over base": difference
        for notes, difference in markdown.named_differences(metrics)
    }
    return {
        "name": model.name,
        "cells": markdown.summary_cells(f"{model.name}/{size}", metrics),
        "verdict_line": markdown.verdict_line(metrics).partition("** ")[2],
        "columns": columns,
        "rows": [measure_row(metrics, columns, *row) for row in markdown.measured(metrics)],
        "differences": interval_rows(differences),
        "curves": curves(model),
        "facts": sorted((key, value) for key, value in model.training.items() if key != "examples"),
    }


def measure_row(
    metrics: markdown.Metrics, columns: list[str], prefix: str, variant: str, measure: str
) -> dict[str, Any]:
    """Return a measure of each ranking; None where a ranking does not have it."""
    values = [metrics.get(prefix + column, {}).get(measure) for column in columns]
    return {
        "name": markdown.label(measure, variant),
        "values": values,
        "difference": (values[-1] or 0.0) - (values[-2] or 0.0),
        "meaning": markdown.MEANINGS[measure],
    }


def curves(model: ModelInputs) -> list[tuple[str, Markup]]:
    """Return a chart of each measure over the training steps."""
    if not model.history:
        return []
    best = model.training.get("best_step", -1)
    charts = []
    for name in model.history[0]:
        points = [
            (float(row["step"]), float(row[name]))
            for row in model.history
            if row[name] and not isnan(float(row[name]))
        ]
        is_measured = name not in markdown.OF_PAIRS or any(value for _, value in points)
        if not name.startswith(NOT_CURVES) and points and is_measured:
            charts.append(
                (name, line_chart(points, x_label="step", y_label=name, marked=float(best)))
            )
    return charts


def pairs(model: ModelInputs, examples: int) -> dict[str, Any] | None:
    """Return the scatter plots of scored pairs before and after, and their table."""
    changes = pair_changes(model, examples)
    if not changes:
        return None
    cosines = [float(row[name]) for row in model.details for name in ("base", "tuned")]
    spans = (-0.03, 1.03), span_of([*cosines, 0.0, 1.0], 0.03)
    charts = []
    for name, title in (("base", "Before: base"), ("tuned", "After: tuned")):
        points: list[Point] = [(float(row["label"]), float(row[name])) for row in model.details]
        correlation = model.metrics[name].get("pairs_spearman")
        known = "" if correlation is None else f", rank correlation {correlation:.3f}"
        description = f"Cosine of the {name} model by curator's score, {len(points)} pairs{known}"
        chart = scatter(
            points,
            x_label="curator's score",
            y_label="cosine",
            description=description,
            spans=spans,
            css=name,
        )
        charts.append((f"{title}{known}", chart))
    return {"charts": charts, "changes": changes}


def reliability(model: ModelInputs) -> dict[str, Any] | None:
    """Return the share of documents that were picked, by predicted relevance."""
    if "calibration" not in model.metrics or not model.details:
        return None
    by_bin: dict[int, list[tuple[float, float]]] = {}
    for row in model.details:
        relevance = float(row["relevance"])
        number = min(int(relevance * BINS), BINS - 1)
        by_bin.setdefault(number, []).append((relevance, float(row["picked"])))
    bins = [
        (
            sum(predicted for predicted, _ in rows) / len(rows),
            sum(picked for _, picked in rows) / len(rows),
            len(rows),
        )
        for _, rows in sorted(by_bin.items())
    ]
    calibration = model.metrics["calibration"]
    return {"chart": reliability_chart(bins), "bins": bins, "calibration": calibration}


def cost(model: ModelInputs) -> dict[str, Any]:
    """Return the cost of a training: its examples, steps and evaluations."""
    steps = [int(row["step"]) for row in model.history]
    learned = (row.train for row in lessons([model]) if not row.lesson.startswith(NOTHING))
    return {
        "name": model.name,
        "examples": sum(learned),
        "steps": max(steps, default=0),
        "kept": model.training.get("best_step", ""),
        "evaluations": len(steps),
        "precision": model.training.get("precision", ""),
    }

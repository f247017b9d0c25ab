"""How the models search together, as a report shows it: the verdict, the grid, and warnings."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from findtune.report.charts import interval_chart
from findtune.report.inputs import Row, StackInputs

MAX_HEAT = 70.0  # per cent of the color, so that the number on it stays readable
ALONE = re.compile(r"- tuned \w+ alone: ")  # these lines are in the table of differences
CELL_FIELDS = ("queries", "retriever", "reranker")
PARTS = ("rewriter", "embedder", "reranker")  # in the order of a cell's name
NO_MODEL = {"rewriter": ("question", "prf"), "embedder": ("bm25",), "reranker": ("none",)}

Difference = Mapping[str, Any]


def stack_results(stack: StackInputs) -> dict[str, Any]:
    """Return what the report shows of the stack."""
    metrics = stack.metrics
    untuned, chosen = metrics["untuned_cell"], metrics["cell"]
    lines = [line.replace("|", ", ") for line in stack.lines if line.startswith("- ")]
    notes = [line.removeprefix("- ") for line in lines if not ALONE.match(line)]
    warnings = [line for line in notes if line.startswith(("warning: ", "hurts: "))]
    names = [name for name in metrics["chosen"] if name in metrics["untuned"]]
    return {
        **{name: metrics[name] for name in ("verdict", "queries", "groups", "documents")},
        "parts": [*zip(CELL_FIELDS, untuned.split("|"), chosen.split("|"), strict=True)],
        "ships": "chosen" if metrics["ships"] == chosen else "untuned",
        "loads": ", ".join(loaded_models(metrics["ships"])) or "none, it searches by words",
        "line": stack.lines[-1].removeprefix(f"VERDICT: {metrics['verdict']}").strip(" |"),
        "measures": [(name, metrics["untuned"][name], metrics["chosen"][name]) for name in names],
        "differences": difference_rows(metrics),
        "warnings": [line.removeprefix("warning: ") for line in warnings],
        "notes": [line for line in notes if line not in warnings],
        "grids": [grid for split in ("dev", "test") if (grid := grid_of(stack, split))["rows"]],
    }


def loaded_models(cell: str) -> list[str]:
    """Return the models that a cell needs."""
    parts = zip(PARTS, cell.split("|"), strict=True)
    return [f"{room} ({part})" for room, part in parts if part not in NO_MODEL[room]]


def difference_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the difference of the stack, and of each tuned model alone."""
    rows = {"the chosen cell against the untuned one": metrics["difference"]}
    if picks := metrics.get("difference_picks"):
        rows[f"the same on picks alone, {picks['queries']} questions"] = picks
    measure = metrics["difference"]["measure"]
    if without := metrics.get("difference_without_search_grades"):
        rows["the same without search grades"] = {"measure": measure, **without}
    for room in PARTS:
        if change := metrics.get(f"alone_{room}"):
            rows[f"tuned {room} alone: {change['verdict']}"] = {"measure": measure, **change}
    return interval_rows(rows)


def interval_rows(differences: Mapping[str, Difference]) -> list[dict[str, Any]]:
    """Return differences, name -> difference, with a chart of their intervals on one scale."""
    bounds = [row[key] for row in differences.values() for key in ("ci_low", "ci_high")]
    span = min(bounds, default=0.0), max(bounds, default=0.0)
    return [
        {
            "measure": row["measure"],
            "notes": name,
            "mean": row["mean"],
            "low": row["ci_low"],
            "high": row["ci_high"],
            "chart": interval_chart(row["ci_low"], row["mean"], row["ci_high"], span),
        }
        for name, row in differences.items()
    ]


def grid_of(stack: StackInputs, split: str) -> dict[str, Any]:
    """Return the heat map of one split: a row for queries and retriever, a column a reranker."""
    measure = stack.metrics["difference"]["measure"]
    cells = [row for row in stack.grid if row["split"] == split and row[measure]]
    own = {row["reranker"] for row in cells}
    rerankers = [
        name for name in dict.fromkeys(row["reranker"] for row in stack.grid) if name in own
    ]
    values = [float(row[measure]) for row in cells]
    marks = {stack.metrics["untuned_cell"]: "untuned", stack.metrics["cell"]: "chosen"}
    by_key: dict[tuple[str, str], dict[str, Row]] = {}
    for row in sorted(cells, key=lambda row: row_order(row, stack.grid)):
        by_key.setdefault((row["queries"], row["retriever"]), {})[row["reranker"]] = row
    return {
        "caption": f"{measure} on {split}",
        "rerankers": rerankers,
        "rows": [
            {
                "queries": queries,
                "retriever": retriever,
                "cells": [
                    heat_cell(by_name[name], measure, values, marks) if name in by_name else None
                    for name in rerankers
                ],
            }
            for (queries, retriever), by_name in by_key.items()
        ],
    }


def row_order(row: Row, cells: Sequence[Row]) -> tuple[int, int]:
    """Return the sort key of a cell's row: the table's order of queries and retrievers."""
    orders = [[*dict.fromkeys(cell[name] for cell in cells)] for name in ("queries", "retriever")]
    return orders[0].index(row["queries"]), orders[1].index(row["retriever"])


def heat_cell(
    row: Row, measure: str, values: Sequence[float], marks: Mapping[str, str]
) -> dict[str, Any]:
    """Return a cell's value, its color in percent, and its mark if it is one of those compared."""
    low, high = min(values), max(values)
    value = float(row[measure])
    share = (value - low) / (high - low) if high > low else 1.0
    name = "|".join((row["queries"], row["retriever"], row["reranker"]))
    return {"value": value, "heat": f"{share * MAX_HEAT:.0f}", "mark": marks.get(name, "")}

"""The stack in a report: verdict, warnings, and the grid as a heat map."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from findtune.report.inputs import read_inputs
from findtune.report.stack_results import loaded_models, stack_results


@pytest.fixture
def results(judged_project: Path) -> dict[str, Any]:
    stack = read_inputs(judged_project, ["embedder"], "small").stack
    assert stack
    return stack_results(stack)


def test_the_verdict_stands_with_what_ships(results: dict[str, Any]) -> None:
    assert (results["verdict"], results["ships"]) == ("WIN", "chosen")
    assert results["line"].startswith("ndcg@10 +0.2000 [+0.1000, +0.3000]")
    assert results["parts"][1] == ("retriever", "bm25", "bm25+tuned")


def test_warnings_stand_apart_from_what_the_models_learned(results: dict[str, Any]) -> None:
    assert results["warnings"] == [
        "hurts: tuned embedder with tuned reranker is 0.4, below 0.5 and 0.6 of either alone",
        "only 2 topics to test; on test tuned, bm25, none is better.",
    ]
    assert results["notes"] == ["embedder: learned from 7 pairs of the catalog."]


def test_a_tuned_model_alone_is_a_row_of_the_differences(results: dict[str, Any]) -> None:
    assert [(row["notes"], row["mean"]) for row in results["differences"]] == [
        ("the chosen cell against the untuned one", 0.2),
        ("tuned embedder alone: INCONCLUSIVE", 0.1),
    ]


def test_the_difference_without_search_grades_is_a_row_where_there_are_some(
    judged_project: Path,
) -> None:
    stack = read_inputs(judged_project, ["embedder"], "small").stack
    assert stack
    without = {"mean": 0.15, "ci_low": 0.05, "ci_high": 0.25, "verdict": "WIN", "queries": 9}
    metrics = stack.metrics | {"difference_without_search_grades": without}
    rows = stack_results(replace(stack, metrics=metrics))["differences"]
    assert [row["notes"] for row in rows if row["mean"] == 0.15] == [
        "the same without search grades"
    ]


def test_the_best_cell_has_the_most_color_and_the_compared_ones_are_marked(
    results: dict[str, Any],
) -> None:
    dev, test = results["grids"]
    assert dev["rerankers"] == test["rerankers"] == ["none", "tuned"]
    assert [(row["queries"], row["retriever"]) for row in dev["rows"]] == [
        ("question", "bm25"),
        ("question", "bm25+tuned"),
    ]
    cells = [[(cell["heat"], cell["mark"]) for cell in row["cells"]] for row in dev["rows"]]
    assert cells == [[("0", "untuned"), ("35", "")], [("17", ""), ("70", "chosen")]]
    assert [[cell is None for cell in row["cells"]] for row in test["rows"]] == [
        [False, True],
        [True, False],
    ]


@pytest.mark.parametrize(
    ("cell", "models"),
    [
        ("question|bm25|none", []),
        ("prf|bm25+base|none", ["embedder (bm25+base)"]),
        ("tuned|tuned|base", ["rewriter (tuned)", "embedder (tuned)", "reranker (base)"]),
    ],
)
def test_a_cell_loads_only_the_models_that_it_uses(cell: str, models: list[str]) -> None:
    assert loaded_models(cell) == models

"""The measures of every kind of model fit one line."""

import json
from pathlib import Path

import pytest

from findtune.registry.evidence import measured

DIFFERENCE = {"measure": "ndcg@10", "mean": -0.02, "ci_low": -0.03, "ci_high": -0.01}


def test_the_stack_is_compared_with_the_best_untuned_one() -> None:
    metrics = {
        "untuned": {"ndcg@10": 0.6},
        "chosen": {"ndcg@10": 0.58},
        "difference": DIFFERENCE,
        "verdict": "REGRESSION",
    }
    expected = "ndcg@10 0.6000 -> 0.5800, -0.0200 [-0.0300, -0.0100], REGRESSION"
    assert measured(metrics) == expected


@pytest.mark.parametrize(
    "path", sorted(Path("metrics").glob("*/*.json")), ids=lambda path: path.parent.name
)
def test_the_line_of_every_committed_model_ends_with_its_verdict(path: Path) -> None:
    metrics = json.loads(path.read_text(encoding="utf-8"))
    line = measured(metrics)
    assert line.endswith(f", {metrics['verdict']}")


def test_a_baseline_that_is_not_the_base_is_the_one_shown() -> None:
    metrics = {
        "decisive": {"base": 0.1, "bm25": 0.7, "tuned": 0.68},
        "difference": {**DIFFERENCE, "against": "base"},
        "difference_best": {**DIFFERENCE, "against": "bm25"},
        "verdict": "REGRESSION",
    }
    assert measured(metrics).startswith("ndcg@10 0.7000 -> 0.6800, ")

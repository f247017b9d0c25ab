"""A variable ranks by its best text, and ties never flatter the model."""

from typing import Any

import numpy as np
import pytest

from findtune.embedder.model.variable_ranking import (
    DEPTH,
    QUERIES_AT_ONCE,
    best_per_variable,
    build_run,
    score_variables,
)
from findtune.retrieval.metrics import binary_qrels, evaluate

MEASURES = ("ndcg@10", "mrr@10", "recall@1", "recall@10")


def measure(scores: list[list[float]], relevant: str, variables: list[str]) -> dict[str, Any]:
    """Return the measures of queries that all have one relevant variable."""
    answers = [[relevant]] * len(scores)
    run = build_run(np.array(scores), variables, answers)
    values = evaluate(binary_qrels(answers), run, MEASURES)
    return {name: per_query.tolist() for name, per_query in values.items()}


def test_the_best_text_decides_the_score_of_its_variable() -> None:
    scores = np.array([[0.1, 0.9, 0.3, 0.2], [0.8, 0.1, 0.2, 0.7]])
    best, variables = best_per_variable(scores, ["b", "a", "b", "c"])
    assert variables == ["a", "b", "c"]
    assert best.tolist() == [[0.9, 0.3, 0.2], [0.1, 0.8, 0.7]]


def test_many_queries_are_scored_as_a_few_are() -> None:
    rng = np.random.default_rng(1)
    queries, texts = rng.normal(size=(QUERIES_AT_ONCE + 3, 4)), rng.normal(size=(5, 4))
    owners = ["b", "a", "b", "c", "a"]
    scores, variables = score_variables(queries, texts, owners)
    last, _ = score_variables(queries[-3:], texts, owners)
    assert scores.shape == (QUERIES_AT_ONCE + 3, 3)
    assert variables == ["a", "b", "c"]
    assert scores[-3:] == pytest.approx(last)


def test_ties_are_broken_against_the_model() -> None:
    values = measure([[0.5] * 4, [0.9, 0.5, 0.5, 0.5]], "a", ["a", "b", "c", "d"])
    assert values["mrr@10"] == [1 / 4, 1]
    assert values["recall@1"] == [0, 1]
    # a constant model finds nothing in a large catalog
    many = [f"v{number}" for number in range(2 * DEPTH)]
    assert measure([[1.0] * len(many)], "v0", many) == {name: [0] for name in MEASURES}


def test_only_the_best_variables_are_in_a_run_and_equal_scores_are_ordered_by_name() -> None:
    variables = [f"v{number:03}" for number in range(DEPTH + 2)]
    scores = np.full((1, len(variables)), 0.5)
    scores[0, -1] = 0.9
    [ranking] = build_run(scores, variables, [["v000"]]).values()
    assert sorted(ranking, key=lambda name: -ranking[name]) == [variables[-1], *variables[1:DEPTH]]

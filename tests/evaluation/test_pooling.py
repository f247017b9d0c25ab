"""Pooling compares all queries of all folds at once, with the best untuned ranking of all."""

import numpy as np
import pandas as pd
import pytest

from findtune.evaluation.pooling import Rankings, average_seeds, judge

RANKINGS = Rankings(("as_shown", "base"), "ndcg@10", ("graded_", ""))


def values(seed: int, tuned: list[float], fold: int = 0, **columns: list[float]) -> pd.DataFrame:
    """Return one row for each query of a fold; every query is a group of its own."""
    queries = range(len(tuned))
    table = pd.DataFrame({"query": queries, "tuned_ndcg@10": tuned, **columns})
    labels = [f"g{fold}{query}" for query in queries]
    return table.assign(seed=seed, fold=fold, group=labels)


def test_a_query_counts_once_with_its_mean_over_the_seeds() -> None:
    table = pd.concat([values(13, [0.2, 1.0]), values(14, [0.4, 1.0]), values(13, [0.5], fold=1)])
    queries = average_seeds(table)
    assert queries["tuned_ndcg@10"].tolist() == pytest.approx([0.3, 1.0, 0.5])
    assert queries["group"].tolist() == ["g00", "g01", "g10"]


def test_the_best_untuned_ranking_is_that_of_all_folds_and_not_of_each() -> None:
    folds = [
        values(13, [0.9] * 8, **{"as_shown_ndcg@10": [0.8] * 8, "base_ndcg@10": [0.1] * 8}),
        values(13, [0.9] * 8, 1, **{"as_shown_ndcg@10": [0.0] * 8, "base_ndcg@10": [0.5] * 8}),
    ]
    [row] = judge(average_seeds(pd.concat(folds)), RANKINGS, seed=13)
    assert row["against"] == "as_shown"
    assert row["means"] == pytest.approx({"as_shown": 0.4, "base": 0.3, "tuned": 0.9})
    assert row["mean"] == pytest.approx(0.5)
    assert (row["measure"], row["queries"], row["groups"]) == ("ndcg@10", 16, 16)
    assert (row["decides"], row["verdict"]) == (True, "WIN")


def test_grades_decide_where_a_query_has_one_and_picks_are_shown_beside_them() -> None:
    gap = float("nan")
    graded = {
        "graded_tuned_ndcg@10": [0.1] * 9 + [gap],
        "graded_base_ndcg@10": [0.6] * 9 + [gap],
    }
    table = values(13, [0.9] * 10, **{"base_ndcg@10": [0.3] * 10}, **graded)
    first, second = judge(average_seeds(table), RANKINGS, seed=13)
    assert (first["measure"], first["queries"], first["verdict"]) == (
        "graded_ndcg@10",
        9,
        "REGRESSION",
    )
    assert (second["measure"], second["queries"]) == ("ndcg@10", 10)
    assert (first["decides"], second["decides"]) == (True, False)


def test_queries_of_one_group_are_drawn_together() -> None:
    generator = np.random.default_rng(0)
    topics = generator.normal(0.05, 0.2, size=12)
    table = values(13, [0.5 + topic for topic in topics for _ in range(20)])
    table["base_ndcg@10"] = 0.5
    queries = average_seeds(table)
    [alone] = judge(queries, RANKINGS, seed=13)
    grouped = queries.assign(group=[f"topic {number // 20}" for number in range(240)])
    [together] = judge(grouped, RANKINGS, seed=13)
    assert together["groups"] == 12
    assert together["mean"] == pytest.approx(alone["mean"])
    assert together["ci_high"] - together["ci_low"] > 2 * (alone["ci_high"] - alone["ci_low"])

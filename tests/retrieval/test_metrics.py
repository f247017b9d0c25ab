"""Every measure equals its value computed by hand, and ties never flatter the model."""

from math import log2

import numpy as np
import pytest

from findtune.retrieval.metrics import (
    MEASURES,
    Qrels,
    Run,
    binary_qrels,
    evaluate,
    qrels_from_gains,
    run_from_rankings,
    run_from_scores,
)


def measures_of(qrels: Qrels, run: Run) -> dict[str, list[float]]:
    """Return the values of every measure."""
    return {name: values.tolist() for name, values in evaluate(qrels, run, [*MEASURES]).items()}


def of_rankings(rankings: list[str], relevant: list[str]) -> dict[str, list[float]]:
    """Return the measures of rankings of documents that are named by letters."""
    return measures_of(binary_qrels(relevant), run_from_rankings(rankings))


def of_lists(scores: list[list[float]], gains: list[list[int]]) -> dict[str, list[float]]:
    """Return the measures of scored lists."""
    arrays = [np.array(list_gains) for list_gains in gains]
    return measures_of(
        qrels_from_gains(arrays), run_from_scores(list(map(np.array, scores)), arrays)
    )


def test_gains_with_fractions_count_in_hundredths() -> None:
    gains = [np.array([1.0, 0, 2.504]), np.array([3.0, 0, 1])]
    assert qrels_from_gains(gains) == {
        "0": {"0": 100, "1": 0, "2": 250},
        "1": {"0": 3, "1": 0, "2": 1},
    }
    [by_fractions] = measures_of_ndcg([2.5, 0, 1])
    [by_whole] = measures_of_ndcg([5, 0, 2])
    assert by_fractions == pytest.approx(by_whole)


def measures_of_ndcg(gains: list[float]) -> list[float]:
    """Return the nDCG@10 of a list in the order c, b, a."""
    scores, arrays = [np.arange(3.0)], [np.array(gains)]
    run = run_from_scores(scores, arrays)
    return [*evaluate(qrels_from_gains(arrays), run, ["ndcg@10"])["ndcg@10"]]


def test_rankings_are_measured_as_by_hand() -> None:
    measures = of_rankings(["abcd", "bacd", "bcad", "abcd", ""], ["a", "a", "a", "ac", "a"])
    ideal = 1 + 1 / log2(3)  # of two relevant documents
    assert measures["ndcg@10"] == pytest.approx([1, 1 / log2(3), 0.5, (1 + 0.5) / ideal, 0])
    assert measures["mrr@10"] == pytest.approx([1, 1 / 2, 1 / 3, 1, 0])
    assert measures["recall@1"] == [1, 0, 0, 0.5, 0]
    assert measures["recall@10"] == [1, 1, 1, 1, 0]
    assert measures["map"] == pytest.approx([1, 1 / 2, 1 / 3, (1 + 2 / 3) / 2, 0])


@pytest.mark.parametrize("relevant", ["j", "k"])
def test_only_the_first_ten_count_except_for_map(relevant: str) -> None:
    measures = of_rankings(["abcdefghijkl"], [relevant])
    counts = relevant == "j"  # the tenth; k is the eleventh
    assert measures["mrr@10"] == pytest.approx([counts / 10])
    assert measures["recall@10"] == [counts]
    assert measures["ndcg@10"] == pytest.approx([counts / log2(11)])
    assert measures["map"] == pytest.approx([1 / 10 if counts else 1 / 11])


def test_the_values_are_in_the_order_of_the_qrels_also_without_results() -> None:
    qrels = {"late": {"x": 1}, "none": {"x": 1}, "unjudged": {}, "early": {"y": 2, "x": 1}}
    run = {"early": {"y": 3.0, "x": 2.0}, "late": {"y": 1.0, "x": 0.5}, "stranger": {"x": 1.0}}
    values = evaluate(qrels, run, ("mrr@10", "ndcg@3"))
    assert list(values) == ["mrr@10", "ndcg@3"]
    assert values["mrr@10"].tolist() == [0.5, 0, 0, 1]
    assert values["ndcg@3"].tolist() == pytest.approx([1 / log2(3), 0, 0, 1])


def test_a_graded_list_is_measured_as_by_hand() -> None:
    # gains in the order of the scores: 0, 3, 0, 1, 2
    measures = of_lists([[0.1, 0.5, 0.9, 0.4, 0.6]], [[2, 0, 0, 1, 3]])
    gained = 3 / log2(3) + 1 / log2(5) + 2 / log2(6)
    ideal = 3 + 2 / log2(3) + 1 / log2(4)
    assert measures["ndcg@10"] == pytest.approx([gained / ideal])
    assert measures["ndcg@3"] == pytest.approx([3 / log2(3) / ideal])
    assert measures["mrr@10"] == [1 / 2]
    assert measures["map"] == pytest.approx([(1 / 2 + 2 / 4 + 3 / 5) / 3])


def test_lists_of_different_lengths_stay_apart() -> None:
    measures = of_lists(
        [[3, 2, 1], [1, 2], [1, 2, 3, 4], [1, 2]], [[1, 0, 0], [1, 0], [0, 0, 1, 0], [0, 0]]
    )
    assert measures["mrr@10"] == [1, 1 / 2, 1 / 2, 0]


@pytest.mark.parametrize(
    ("scores", "gains", "ranked_gains"),
    [
        ([0.5, 0.5, 0.5], [1, 0, 0], [0, 0, 1]),
        ([0.5, 0.5, 0.5], [0, 0, 1], [0, 0, 1]),
        ([0.5, 0.9, 0.5], [3, 2, 1], [2, 1, 3]),
        ([0.9, 0.5, 0.5], [1, 0, 0], [1, 0, 0]),
    ],
)
def test_ties_are_broken_against_the_model(
    scores: list[float], gains: list[int], ranked_gains: list[int]
) -> None:
    assert of_lists([scores], [gains]) == of_lists([[3, 2, 1]], [ranked_gains])


def test_only_the_order_of_the_scores_matters() -> None:
    scores, gains = np.array([3.0, -2.0, 0.5, 0.4]), [np.array([0, 1, 2, 0])]
    tiny = np.float32(np.exp(scores) * 1e-30)
    assert run_from_scores([scores], gains) == run_from_scores([tiny], gains)

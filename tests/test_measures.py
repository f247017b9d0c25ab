"""Every measure is what a hand computes, and never flatters the model."""

from math import log2

import numpy as np
import pytest

from findtune.measures import (
    DEPTH,
    LIST_MEASURES,
    best_by_owner,
    per_list,
    per_query,
    random_cosine,
    spearman,
    standard_error,
)

DOCUMENTS = ["a", "b", "c", "d"]


def measured(scores: list[list[float]], relevant: list[list[str]]) -> dict[str, list[float]]:
    found = per_query(np.array(scores), DOCUMENTS, relevant)
    return {name: values.tolist() for name, values in found.items()}


def test_three_queries_are_measured_as_by_hand() -> None:
    # `a` is first, then second, then third
    scores = [[0.9, 0.5, 0.4, 0.1], [0.5, 0.9, 0.4, 0.1], [0.4, 0.9, 0.5, 0.1]]
    found = measured(scores, [["a"]] * 3)
    assert found["ndcg@10"] == pytest.approx([1, 1 / log2(3), 1 / log2(4)])
    assert found["mrr@10"] == pytest.approx([1, 1 / 2, 1 / 3])
    assert found["recall@1"] == [1, 0, 0]
    assert found["recall@10"] == [1, 1, 1]


def test_several_relevant_documents_are_all_wanted() -> None:
    # `a` and `c` are first and third
    found = measured([[0.9, 0.8, 0.7, 0.1]], [["a", "c"]])
    assert found["ndcg@10"] == pytest.approx([(1 + 1 / log2(4)) / (1 + 1 / log2(3))])
    assert found["mrr@10"] == [1]
    assert found["recall@1"] == [0.5]
    assert found["recall@10"] == [1]


def test_ties_go_against_the_model() -> None:
    found = measured([[0.5, 0.5, 0.5, 0.5]], [["a"]])
    assert found["mrr@10"] == pytest.approx([1 / 4])
    assert found["recall@1"] == [0]


def test_a_tie_below_does_not_matter() -> None:
    assert measured([[0.9, 0.5, 0.5, 0.5]], [["a"]])["mrr@10"] == [1]


def test_only_the_first_ten_count() -> None:
    documents = [f"d{at:02}" for at in range(12)]
    scores = np.linspace(1, 0, 12)[np.newaxis]
    tenth = per_query(scores, documents, [["d09"]])
    eleventh = per_query(scores, documents, [["d10"]])
    assert tenth["mrr@10"] == pytest.approx([1 / 10])
    assert tenth["recall@10"] == [1]
    assert [values.item() for values in eleventh.values()] == [0, 0, 0, 0]


def test_a_constant_model_finds_nothing_in_a_large_catalog() -> None:
    documents = [f"d{at}" for at in range(2 * DEPTH)]
    found = per_query(np.ones((1, 2 * DEPTH)), documents, [["d0"]])
    assert [values.item() for values in found.values()] == [0, 0, 0, 0]


def listed(scores: list[list[float]], gains: list[list[int]]) -> dict[str, list[float]]:
    found = per_list([np.array(it) for it in scores], [np.array(it) for it in gains])
    return {name: values.tolist() for name, values in found.items()}


def test_a_ranked_list_is_measured_as_by_hand() -> None:
    # ranked: 0, 3, 0, 1, 2
    found = listed([[0.1, 0.5, 0.9, 0.4, 0.6]], [[2, 0, 0, 1, 3]])
    gained = 3 / log2(3) + 1 / log2(5) + 2 / log2(6)
    ideal = 3 + 2 / log2(3) + 1 / log2(4)
    assert found["ndcg@10"] == pytest.approx([gained / ideal])
    assert found["ndcg@3"] == pytest.approx([3 / log2(3) / ideal])
    assert found["mrr@10"] == [1 / 2]
    assert found["map"] == pytest.approx([(1 / 2 + 2 / 4 + 3 / 5) / 3])


def test_lists_of_different_lengths_stay_apart() -> None:
    found = listed([[3, 2, 1], [1, 2], [1, 2, 3, 4]], [[1, 0, 0], [1, 0], [0, 0, 1, 0]])
    assert found["mrr@10"] == [1, 1 / 2, 1 / 2]
    assert found["ndcg@10"] == pytest.approx([1, 1 / log2(3), 1 / log2(3)])


def test_of_two_sources_that_score_the_same_the_better_one_is_second() -> None:
    assert listed([[0.5, 0.5, 0.5]], [[1, 0, 0]])["mrr@10"] == pytest.approx([1 / 3])
    assert listed([[0.5, 0.5, 0.5]], [[0, 0, 1]])["mrr@10"] == pytest.approx([1 / 3])
    assert listed([[0.5, 0.9, 0.5]], [[3, 2, 1]])["ndcg@10"] == pytest.approx(
        [(2 + 1 / log2(3) + 3 / log2(4)) / (3 + 2 / log2(3) + 1 / log2(4))]
    )


def test_a_list_without_a_relevant_source_is_worth_nothing() -> None:
    assert listed([[1, 2]], [[0, 0]]) == {name: [0] for name in LIST_MEASURES}


def test_only_the_first_ten_of_a_list_count_but_for_the_mean_precision() -> None:
    found = listed([[float(-at) for at in range(12)]], [[0] * 10 + [1, 0]])
    assert (found["ndcg@10"], found["mrr@10"]) == ([0], [0])
    assert found["map"] == pytest.approx([1 / 11])


def test_only_the_order_of_a_list_matters() -> None:
    scores, gains = np.array([3.0, -2.0, 0.5, 0.4]), np.array([0, 1, 2, 0])
    one, other = (per_list([it], [gains]) for it in (scores, np.float32(np.exp(scores) * 1e-30)))
    assert one == other


def test_the_best_text_decides_the_score_of_its_owner() -> None:
    scores = np.array([[0.1, 0.9, 0.3, 0.2], [0.8, 0.1, 0.2, 0.7]])
    best, owners = best_by_owner(scores, ["b", "a", "b", "c"])
    assert owners == ["a", "b", "c"]
    assert best.tolist() == [[0.9, 0.3, 0.2], [0.1, 0.8, 0.7]]


def test_random_cosine_is_one_for_a_collapsed_model_and_zero_for_texts_at_right_angles() -> None:
    assert random_cosine(np.tile([0.6, 0.8], (50, 1))) == pytest.approx(1)
    assert random_cosine(np.eye(50)) == 0


def test_random_cosine_is_the_same_each_time() -> None:
    vectors = np.random.default_rng(1).normal(size=(50, 3))
    assert random_cosine(vectors) == random_cosine(vectors.copy())


def test_spearman_looks_at_the_order_only() -> None:
    labels = np.array([0.0, 0.1, 0.5, 0.6, 1.0])
    assert spearman(np.exp(9 * labels), labels) == pytest.approx(1)
    assert spearman(-labels, labels) == pytest.approx(-1)


@pytest.mark.filterwarnings("error")
def test_spearman_is_zero_where_it_would_say_nothing() -> None:
    labels = np.linspace(0, 1, 6)
    assert spearman(np.full(6, 0.5), labels) == 0
    assert spearman(labels, np.full(6, 0.5)) == 0
    assert spearman(labels[:4], labels[:4]) == 0
    assert spearman(np.zeros(0), np.zeros(0)) == 0


def test_a_standard_error_is_that_of_the_mean_of_a_sample() -> None:
    assert standard_error(np.array([0.0, 1.0, 1.0, 0.0])) == pytest.approx((1 / 3 / 4) ** 0.5)
    assert standard_error(np.array([0.4, 0.4])) == 0


def test_of_one_query_nothing_can_be_told() -> None:
    assert standard_error(np.array([0.7])) == 1

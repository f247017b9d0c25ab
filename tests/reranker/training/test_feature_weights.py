"""The weights of the features are those with which what is relevant is most likely."""

import numpy as np
import pytest
from scipy.special import softmax

from findtune.core.records import Record
from findtune.reranker.model.blending import blend_features
from findtune.reranker.model.ranked_lists import measure_lists, picked
from findtune.reranker.model.retriever_features import FEATURES
from findtune.reranker.training.feature_weights import (
    FUSED,
    UNTUNED,
    fit_feature_weights,
    select_ranking,
)

SIZE = 6  # documents of a list


def list_with_pick(position: int, number: int = 0, **grades: int) -> Record:
    """Return a list in which one document was picked; its documents are called 0, 1, ..."""
    documents = [{"url": f"{row}", "gain": 3.0 * (row == position)} for row in range(SIZE)]
    return {
        "group": f"g{number}",
        "documents": documents,
        "picks": [f"{position}"],
        "qrels": grades,
    }


def simulate(true_weights: np.ndarray, lists: int) -> tuple[list[Record], list[np.ndarray]]:
    """Return lists with picks that follow the true weights, and their features."""
    rng = np.random.default_rng(1)
    features = [rng.normal(size=(SIZE, len(FEATURES))) for _ in range(lists)]
    picks = [rng.choice(SIZE, p=softmax(row @ true_weights)) for row in features]
    return [list_with_pick(int(pick), number) for number, pick in enumerate(picks)], features


def values(weights: object) -> list[float]:
    return [getattr(weights, name) for name in FEATURES]


def test_fitting_recovers_the_weights_that_made_the_picks() -> None:
    true_weights = np.array([2.0, 0.5, 1.0, 0, 0, -1.0, 0, 0, 0])
    weights = fit_feature_weights(*simulate(true_weights, 800), 0.3)
    assert values(weights) == pytest.approx(true_weights, abs=0.3)
    assert (weights.cross_encoder, weights.temperature) == (0, 0.3)


@pytest.mark.parametrize("value", [7, 0.1])  # the variance of six times 0.1 is above 0
def test_a_feature_that_never_varies_has_no_weight(value: float) -> None:
    lists, features = simulate(np.ones(len(FEATURES)), 50)
    for list_features in features:
        list_features[:, 1] = value
    weights = fit_feature_weights(lists, features, 0.2)
    assert weights.doc_similarity == 0 < weights.retriever


def test_grades_decide_where_a_list_has_some() -> None:
    features = [np.zeros((SIZE, len(FEATURES))) for _ in range(2)]
    for list_features in features:
        list_features[3, 0] = 1
    picked_first, graded = list_with_pick(0), {"3": 2}
    by_pick = fit_feature_weights([picked_first] * 2, features, 0.2)
    by_grade = fit_feature_weights([list_with_pick(0, **graded)] * 2, features, 0.2)
    assert by_pick.retriever < 0 < by_grade.retriever


def test_with_a_position_bias_late_picks_count_more() -> None:
    features = [np.zeros((SIZE, len(FEATURES))) for _ in range(12)]
    for list_features in features:
        list_features[4, 0] = 1  # the last pick has it
        list_features[1, 5] = 1  # and the first one this
    lists = [list_with_pick(1, number) | {"picks": ["1", "4"]} for number in range(12)]
    logged, corrected = (fit_feature_weights(lists, features, 0.2, eta) for eta in (0.0, 1.0))
    assert logged.retriever == pytest.approx(logged.bm25, abs=1e-4)
    assert corrected.retriever > corrected.bm25 > 0
    rankings = {
        eta: select_ranking(lists, features, folds=2, temperature=0.2, eta=eta)
        for eta in (0.0, 1.0)
    }
    by_feature = [
        next(row.ndcg.mean() for row in rankings[eta] if row.name == "bm25") for eta in (0.0, 1.0)
    ]
    assert by_feature[0] > by_feature[1]  # bm25 puts the early pick first


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_do_not_depend_on_the_order_of_summation(seed: int) -> None:
    lists, features = simulate(np.ones(len(FEATURES)), 50)
    weights = fit_feature_weights(lists, features, 0.2)
    order = np.random.default_rng(seed).permutation(len(lists))
    shuffled = [lists[row] for row in order], [features[row] for row in order]
    assert weights == fit_feature_weights(*shuffled, 0.2)
    assert any(values(weights))


def test_the_fused_ranking_is_best_where_several_features_matter() -> None:
    lists, features = simulate(np.full(len(FEATURES), 2.0), 200)
    rankings = select_ranking(lists, features, folds=3, temperature=0.2)
    assert rankings[0].name == FUSED
    assert {ranking.name for ranking in rankings} == {FUSED, *UNTUNED}


def test_of_equal_rankings_the_simpler_one_ships() -> None:
    lists = [list_with_pick(number % SIZE, number) for number in range(12)]
    same = [np.zeros((SIZE, len(FEATURES)))] * len(lists)
    rankings = select_ranking(lists, same, folds=2, temperature=0.2)
    assert [ranking.name for ranking in rankings] == [*UNTUNED, FUSED]


@pytest.mark.parametrize("name", UNTUNED)
def test_a_ranking_that_needs_no_training_ships_where_fusing_is_worse(name: str) -> None:
    # one feature matters, and twelve lists are too few to see that the others do not
    column = FEATURES.index(UNTUNED[name])
    rng = np.random.default_rng(1)
    features = [rng.normal(size=(SIZE, len(FEATURES))) for _ in range(12)]
    picks = [(row[:, column] + 0.6 * rng.normal(size=SIZE)).argmax() for row in features]
    lists = [list_with_pick(int(pick), number) for number, pick in enumerate(picks)]
    rankings = select_ranking(lists, features, folds=3, temperature=0.2)
    best, [fused] = rankings[0], [ranking for ranking in rankings if ranking.name == FUSED]
    assert best.name == name
    assert values(best.weights) == [float(feature == column) for feature in range(len(FEATURES))]
    # on the lists that its weights were fitted to, the fused ranking looks better than it is
    gains = [picked(ranked_list) for ranked_list in lists]
    optimistic = measure_lists(blend_features(features, fused.weights), gains)["ndcg@10"]
    assert fused.ndcg.mean() < min(best.ndcg.mean(), optimistic.mean())


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_the_untuned_retriever_has_a_weight_only_where_it_adds_more_than_noise(
    weight: float,
) -> None:
    true_weights = np.array([2.0, 1.0, 0, 0, weight, 0, 0, 0, 0])
    lists, features = simulate(true_weights, 200)
    rankings = select_ranking(lists, features, folds=3, temperature=0.2)
    assert rankings[0].name == FUSED
    assert bool(rankings[0].weights.base_retriever) == bool(weight)
    assert rankings[0].weights.retriever > 0

"""The weights of the retriever's features are those with which the picks are most likely."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from findtune.core.records import Record, read_kind
from findtune.reranker.model.ranked_lists import without_random_negatives
from findtune.reranker.model.retriever_features import FEATURES, retriever_features
from findtune.reranker.training.feature_weights import fit_feature_weights
from findtune.reranker.training.training_data import features_by_group
from findtune.retrieval.encoder import load_encoder


def list_with_gains(*gains: float) -> Record:
    return {"documents": [{"gain": gain} for gain in gains]}


def test_a_feature_that_predicts_the_picks_has_a_weight_and_a_misleading_one_has_none() -> None:
    lists = [list_with_gains(3, 0, 0), list_with_gains(0, 3, 0)]
    columns = [([0.9, 0.2, 0.1], [0.1, 0.5, 0.9]), ([0.2, 0.8, 0.3], [0.8, 0.1, 0.3])]
    features = [np.array([retriever, docs, [0.0] * 3]).T for retriever, docs in columns]
    weights = fit_feature_weights(lists, features, 0.3)
    assert 5 < weights.retriever < np.inf
    assert weights.doc_similarity == weights.cross_encoder == 0
    assert weights.temperature == 0.3


def test_fitting_recovers_the_weights_that_made_the_picks() -> None:
    rng, true_weights = np.random.default_rng(1), np.array([2.0, 0.5, 1.0])
    features = [rng.normal(size=(6, len(FEATURES))) for _ in range(800)]
    picks = [rng.choice(6, p=softmax(list_features @ true_weights)) for list_features in features]
    lists = [list_with_gains(*(3.0 * (row == pick) for row in range(6))) for pick in picks]
    weights = fit_feature_weights(lists, features, 0.2)
    fitted = [getattr(weights, name) for name in FEATURES]
    assert fitted == pytest.approx(true_weights, abs=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_do_not_depend_on_the_order_of_summation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = [rng.normal(size=(12, len(FEATURES))) for _ in range(50)]
    lists = [list_with_gains(3, *[0.0] * 11) for _ in features]
    weights = fit_feature_weights(lists, features, 0.2)
    shuffled = [features[row] for row in rng.permutation(len(features))]
    assert weights == fit_feature_weights(lists, shuffled, 0.2)
    assert any(getattr(weights, name) for name in FEATURES)


def test_the_weights_are_fitted_to_what_users_were_shown(example_folder: Path) -> None:
    lists = read_kind(example_folder / "train.jsonl", "list")
    shown = without_random_negatives(lists)
    reasons, left = (
        {row["why"] for each in group for row in each["documents"]} for group in (lists, shown)
    )
    assert reasons - left == {"random negative"}
    assert [row["picks"] for row in shown] == [row["picks"] for row in lists]


def test_each_group_of_lists_gets_its_own_features(tiny_base: Path, example_folder: Path) -> None:
    encoder, train = load_encoder(tiny_base), example_folder / "train.jsonl"
    groups = {"list": read_kind(train, "list"), "none": [], "title": read_kind(train, "title")}
    assert groups["title"]
    for name, features in features_by_group(encoder, groups, 0.2, progress=False).items():
        expected = retriever_features(encoder, groups[name], 0.2)
        assert len(features) == len(expected)
        assert all(map(partial(np.allclose, atol=1e-5), features, expected))

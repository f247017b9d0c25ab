"""The weights of the retriever's features are those with which the picks are most likely."""

from pathlib import Path

import numpy as np
import pytest

from findtune.core.records import Record, read_kind
from findtune.reranker.model.retriever_features import FEATURES, retriever_features
from findtune.reranker.training.retriever_weights import (
    as_shown,
    features_by_group,
    fit_retriever_weights,
)
from findtune.retrieval.encoder import load_encoder


def list_with_gains(*gains: float) -> Record:
    return {"documents": [{"gain": gain} for gain in gains]}


def test_a_feature_that_predicts_the_picks_has_a_weight_and_a_misleading_one_has_none() -> None:
    lists = [list_with_gains(3, 0, 0), list_with_gains(0, 3, 0)]
    columns = [([0.9, 0.2, 0.1], [0.1, 0.5, 0.9]), ([0.2, 0.8, 0.3], [0.8, 0.1, 0.3])]
    features = [np.array([retriever, docs, [0.0] * 3]).T for retriever, docs in columns]
    weights = fit_retriever_weights(lists, features, 0.3)
    assert 5 < weights.retriever < np.inf
    assert weights.doc_similarity == weights.cross_encoder == 0
    assert weights.temperature == 0.3


def test_fitting_recovers_the_weights_that_made_the_picks() -> None:
    rng = np.random.default_rng(1)
    features = [rng.normal(size=(6, len(FEATURES))) for _ in range(800)]
    true_weights = np.array([2.0, 0.5, 1.0])
    lists = []
    for list_features in features:
        probabilities = np.exp(list_features @ true_weights)
        pick = rng.choice(6, p=probabilities / probabilities.sum())
        lists.append(list_with_gains(*(3.0 * (row == pick) for row in range(6))))
    weights = fit_retriever_weights(lists, features, 0.2)
    fitted = [getattr(weights, name) for name in FEATURES]
    assert fitted == pytest.approx(true_weights, abs=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_do_not_depend_on_the_order_of_summation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = [rng.normal(size=(12, len(FEATURES))) for _ in range(50)]
    lists = [list_with_gains(3, *[0.0] * 11) for _ in features]
    weights = fit_retriever_weights(lists, features, 0.2)
    shuffled = [features[row] for row in rng.permutation(len(features))]
    assert weights == fit_retriever_weights(lists, shuffled, 0.2)
    assert any(getattr(weights, name) for name in FEATURES)


def test_the_weights_are_fitted_to_what_users_were_shown(example_folder: Path) -> None:
    lists = read_kind(example_folder / "train.jsonl", "list")
    reasons, left = (
        {row["why"] for ranked_list in group for row in ranked_list["documents"]}
        for group in (lists, as_shown(lists))
    )
    assert reasons - left == {"random negative"}
    assert [row["picks"] for row in as_shown(lists)] == [row["picks"] for row in lists]


def test_each_group_of_lists_gets_its_own_features(tiny_base: Path, example_folder: Path) -> None:
    encoder = load_encoder(tiny_base)
    train = example_folder / "train.jsonl"
    groups = {"list": read_kind(train, "list"), "none": [], "title": read_kind(train, "title")}
    features = features_by_group(encoder, groups, 0.2, progress=False)
    assert groups["title"]
    for name, lists in groups.items():
        expected = retriever_features(encoder, lists, 0.2)
        for own, alone in zip(features[name], expected, strict=True):
            assert own == pytest.approx(alone, abs=1e-5)

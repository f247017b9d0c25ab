"""Dev chooses the interpolation and the weight of the cross-encoder together."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from findtune.core.errors import CollapseError
from findtune.core.records import read_kind
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, blend
from findtune.reranker.model.cross_encoder import load_or_create
from findtune.reranker.model.retriever_features import FEATURES
from findtune.reranker.training.blend_weight import (
    Base,
    best_alone,
    blended_weights,
    select_blend,
    select_row,
)
from findtune.reranker.training.collapse import has_collapsed
from findtune.reranker.training.dev_set import RerankerDevSet
from findtune.reranker.training.fit import Recipe, build_callback
from findtune.training.callback import DevResult
from findtune.training.interpolation import snapshot


def test_weight_0_is_the_retriever_and_weight_1_the_cross_encoder() -> None:
    rng = np.random.default_rng(1)
    logits, features = [rng.normal(size=4)], [rng.normal(size=(4, len(FEATURES)))]
    feature_weights = [9.0, 4.0, 2.0, *range(len(FEATURES) - 3)]
    fitted = CROSS_ENCODER_ONLY.model_copy(update=dict(zip(FEATURES, feature_weights, strict=True)))
    [none], [half], [whole] = (
        blend(logits, features, blended_weights(fitted, weight)) for weight in (0, 0.5, 1)
    )
    assert none == pytest.approx(features[0] @ feature_weights)
    assert whole == pytest.approx(logits[0])
    assert half == pytest.approx((none + whole) / 2)


def test_of_equal_rows_the_one_closest_to_the_base_is_chosen() -> None:
    row = {"interpolation": 0.5, "ndcg@10": 0.4, "map": 0.3}
    worse_map = row | {"interpolation": 0.0, "map": 0.2}
    assert select_row([worse_map, row | {"interpolation": 1.0}, row]) == row


@pytest.mark.parametrize("better", [True, False])
def test_dev_goes_all_the_way_where_tuning_helps_and_else_stays_at_the_base(
    tiny_base: Path, example_folder: Path, recipe: dict[str, Any], better: bool
) -> None:
    lists = read_kind(example_folder / "dev.jsonl", "list")
    features = [np.zeros((len(row["documents"]), len(FEATURES))) for row in lists]
    dev = RerankerDevSet(lists, features, "fp32")
    heads = [load_or_create(tiny_base, 40, seed=1) for _ in "ab"]
    for head, factor in zip(heads, (100, -100), strict=True):  # one ranks in reverse of the other
        cast(Any, head.model).classifier.weight.data *= factor
    heads.sort(key=lambda head: dev.evaluate(head).score, reverse=not better)
    first, last = (snapshot(head) for head in heads)
    model, values = heads[0], Recipe(**recipe)
    callback = build_callback(model, dev=dev, recipe=values, say=lambda _: None)
    base = Base(dev.evaluate(model), first)
    callback.begin(base.result, base_competes=True)
    model.load_state_dict(last)
    callback.evaluate_now(7)

    selection = select_blend(
        model, CROSS_ENCODER_ONLY, dev=dev, base=base, callback=callback, recipe=values
    )

    sweep = [(row["interpolation"], row["cross_encoder_weight"]) for row in selection.sweep]
    shares, none = (0, 0.25, 0.75, 1), (0,)  # half-way both heads cancel: all scores are the same
    tried = {0: shares, 0.5: none, 1: shares} if better else {0: shares}
    assert sweep == [(a, weight) for a, weights in tried.items() for weight in weights]
    assert (callback.kept_step, selection.interpolation) == ((7, 1) if better else (0, 0))
    chosen = last if better else first
    assert all(weight.equal(chosen[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize(
    ("gained", "lost", "groups", "weight"),
    [(4, 0, 20, 0.25), (3, 0, 20, 0), (0, 4, 20, 0), (4, 0, 1, 0)],  # one question is no evidence
)
def test_the_cross_encoder_has_a_weight_only_if_it_adds_more_than_two_standard_errors(
    recipe: dict[str, Any], gained: int, lost: int, groups: int, weight: float
) -> None:
    lists = [
        {"documents": [{"url": "a"}, {"url": "b"}], "picks": ["a"], "qrels": {}}
        | {"group": number % groups}
        for number in range(20)
    ]
    first, second = np.array([1.0, -1]), np.array([-1.0, 1])
    columns = [second] * gained + [first] * (20 - gained)
    features = [np.outer(column, np.eye(len(FEATURES))[0]) for column in columns]
    # so large that the cross-encoder decides wherever it has a weight
    logits = [10 * column for column in [first] * (20 - lost) + [second] * lost]
    by_retriever = CROSS_ENCODER_ONLY.model_copy(update={"cross_encoder": 0, "retriever": 1})
    untrained: Any = SimpleNamespace(load_state_dict=lambda weights: None)
    selection = select_blend(
        untrained,
        by_retriever,
        dev=RerankerDevSet(lists, features, "fp32"),
        base=Base(DevResult({}, 0, payload=logits), {}),
        callback=cast(Any, SimpleNamespace(kept_step=0, kept_weights={})),
        recipe=Recipe(**recipe),
    )
    assert selection.weights.cross_encoder == selection.facts["cross_encoder_weight"] == weight
    assert selection.weights.retriever == 1 - weight


def test_lists_whose_documents_score_the_same_are_a_collapse() -> None:
    apart, same = np.array([0.1, 0.3]), np.array([0.7, 0.7 + 1e-6])
    assert not has_collapsed([apart, same, apart])
    assert has_collapsed([same, apart, same])
    for bad in (float("nan"), float("inf")):
        with pytest.raises(CollapseError, match="no longer finite"):
            has_collapsed([apart, np.array([0.1, bad])])


def test_a_collapsed_cross_encoder_is_saved_only_if_all_have_collapsed() -> None:
    same, wrong = np.array([0.5, 0.5]), np.array([-1.0, 1])
    document = {"documents": [{"url": "a"}, {"url": "b"}], "picks": ["a"], "qrels": {}}
    lists = [document | {"group": number} for number in range(4)]
    dev = RerankerDevSet(lists, [np.zeros((2, len(FEATURES)))] * 4, "fp32")
    assert best_alone({0.0: [same] * 4, 1.0: [wrong] * 4}, dev) == 1.0
    assert best_alone({0.0: [same] * 4, 1.0: [same] * 4}, dev) == 0.0


def test_a_cross_encoder_without_a_weight_is_saved_where_it_ranks_best_alone(
    recipe: dict[str, Any],
) -> None:
    first, second = np.array([1.0, -1]), np.array([-1.0, 1])
    document = {"documents": [{"url": "a"}, {"url": "b"}], "picks": ["a"], "qrels": {}}
    lists = [document | {"group": number} for number in range(4)]
    features = [np.outer(first, np.eye(len(FEATURES))[0])] * 4  # right everywhere
    by_retriever = CROSS_ENCODER_ONLY.model_copy(update={"cross_encoder": 0, "retriever": 1})
    loaded: list[dict[str, torch.Tensor]] = []
    tuned = {"weight": torch.ones(1)}
    kept = SimpleNamespace(payload=[first, first, first, second])
    selection = select_blend(
        cast(Any, SimpleNamespace(load_state_dict=loaded.append)),
        by_retriever,
        dev=RerankerDevSet(lists, features, "fp32"),
        base=Base(DevResult({}, 0, payload=[second] * 4), {"weight": torch.zeros(1)}),
        callback=cast(Any, SimpleNamespace(kept_step=7, kept_weights=tuned, kept=kept)),
        recipe=Recipe(**recipe | {"interpolation": [1.0]}),
    )
    assert (selection.weights.cross_encoder, selection.interpolation) == (0, 1)
    assert loaded[-1] == tuned

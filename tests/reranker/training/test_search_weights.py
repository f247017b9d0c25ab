"""A search gets the weights that rank its candidates best, and a relevance of its own."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from findtune.core.records import Record
from findtune.reranker.model.blending import CROSS_ENCODER_ONLY, BlendWeights, relevance
from findtune.reranker.model.retriever_features import FEATURES
from findtune.reranker.training.candidates import AS_FOUND
from findtune.reranker.training.feature_weights import FUSED, Ranking
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.search_weights import select_search_weights

FIRST, SECOND = np.array([1.0, -1.0]), np.array([-1.0, 1.0])
BY_RETRIEVER = CROSS_ENCODER_ONLY.model_copy(update={"cross_encoder": 0.0, "retriever": 1.0})
FOR_LISTS = BY_RETRIEVER.model_copy(update={"max_length": 40, "calibration_threshold": 5.0})


def rows(number: int) -> list[Record]:
    """Return lists whose first document is relevant."""
    documents = {"documents": [{"url": "a"}, {"url": "b"}], "picks": ["a"], "qrels": {}}
    return [documents | {"group": f"{row}"} for row in range(number)]


def by_retriever(columns: list[np.ndarray]) -> list[np.ndarray]:
    return [np.outer(column, np.eye(len(FEATURES))[0]) for column in columns]


def select(
    recipe: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    candidates: list[np.ndarray],
    dev: list[np.ndarray],
    share: float = 0.0,
    ranking: str = FUSED,
) -> BlendWeights:
    """Return the weights for a search; candidates, dev: the retriever's scores of their lists.

    share: the cross-encoder's weight for lists. It ranks all candidates right.
    """
    data = SimpleNamespace(
        lists={"candidate": rows(len(candidates)), "dev_candidate": rows(len(dev))},
        features={"candidate": by_retriever(candidates), "dev_candidate": by_retriever(dev)},
        search_rankings=[Ranking(ranking, BY_RETRIEVER, np.ones(len(candidates)))],
    )
    module = "findtune.reranker.training.dev_set.predict_logits"
    monkeypatch.setattr(module, lambda _, lists: [10 * FIRST] * len(lists))
    model = cast(Any, SimpleNamespace(device=SimpleNamespace(type="cpu")))
    for_lists = FOR_LISTS.model_copy(update={"cross_encoder": share})
    settings: dict[str, Any] = {"recipe": Recipe(**recipe), "precision": "fp32"}
    return select_search_weights(model, for_lists, data=cast(Any, data), **settings)


@pytest.mark.parametrize(
    ("wrong", "share", "weight"), [(4, 0.25, 0.25), (4, 0.0, 0.0), (3, 0.25, 0.0)]
)
def test_the_cross_encoder_ranks_candidates_only_if_it_ranks_lists_and_adds_more_than_noise(
    recipe: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    wrong: int,
    share: float,
    weight: float,
) -> None:
    dev = [SECOND] * wrong + [FIRST] * (20 - wrong)
    chosen = select(recipe, monkeypatch, candidates=[FIRST] * 9, dev=dev, share=share)
    assert chosen.cross_encoder == weight
    assert chosen.retriever == 1 - weight
    assert chosen.max_length == 40


def test_the_cross_encoder_does_not_change_an_order_that_is_kept(
    recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = {"candidates": [FIRST] * 9, "dev": [SECOND] * 20}
    assert select(recipe, monkeypatch, **lists, share=0.25).cross_encoder
    kept = select(recipe, monkeypatch, **lists, share=0.25, ranking=AS_FOUND)
    assert not kept.cross_encoder


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_relevance_is_calibrated_on_the_candidates(
    recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    dev = [FIRST] * 9 if not share else []  # then those of train must do
    chosen = select(recipe, monkeypatch, candidates=[FIRST] * 30, dev=dev, share=share)
    right, wrong = relevance(FIRST, chosen).tolist()
    assert right > 0.9
    assert wrong < 0.1
    assert relevance(FIRST, FOR_LISTS).tolist()[0] < 0.1  # which was calibrated on other scores


def test_without_candidates_relevance_is_that_of_lists(
    recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert select(recipe, monkeypatch, candidates=[], dev=[]) == FOR_LISTS

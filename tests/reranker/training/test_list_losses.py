"""Each loss is its formula, raises the picks, and ignores what has no weight."""

from collections.abc import Callable
from math import exp, log, log2
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sentence_transformers import CrossEncoder

from findtune.core.records import Record
from findtune.reranker.model.cross_encoder import load_or_create, predict_logits
from findtune.reranker.training import list_losses
from findtune.reranker.training.list_losses import bce_loss, lambda_loss, listnet_loss

Column = list[float]
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
LOSSES: dict[str, Loss] = {"listnet": listnet_loss, "lambda": lambda_loss, "bce": bce_loss}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def value_and_gradient(
    loss: Loss, scores: Column, gains: Column, weights: Column | None = None
) -> tuple[float, torch.Tensor]:
    variable = torch.tensor(scores).float().requires_grad_()
    others = (torch.tensor(column).float() for column in (gains, weights or [1.0] * len(scores)))
    value = loss(variable, *others)
    [gradient] = torch.autograd.grad(value, variable)
    return value.item(), gradient


def value_of(loss: Loss, scores: Column, gains: Column, weights: Column | None = None) -> float:
    return value_and_gradient(loss, scores, gains, weights)[0]


def softplus(x: float) -> float:
    return log(1 + exp(x))


# The formulas


def test_listnet_is_a_cross_entropy_in_which_a_weight_counts_documents() -> None:
    total = exp(2) + 0.5 * exp(1) + exp(-1)
    expected = -0.75 * log(exp(2) / total) - 0.25 * log(exp(-1) / total)
    assert value_of(listnet_loss, [2, 1, -1], [3, 0, 1], [1, 0.5, 1]) == pytest.approx(expected)
    repeated = value_of(listnet_loss, [2, 1, 1], [1, 0, 0])
    assert value_of(listnet_loss, [2, 1], [1, 0], [1, 2]) == pytest.approx(repeated)


def test_lambda_is_logistic_and_weighted_by_what_a_swap_costs() -> None:
    # ranked: the second document, the pick, the third document
    loss = value_of(lambda_loss, [0.5, 1.0, -1.0], [1, 0, 0], [1, 1, 0.5])
    above, below = abs(1 / log2(3) - 1), abs(1 / log2(3) - 1 / log2(4))
    assert loss == pytest.approx(above * softplus(0.5) + 0.5 * below * softplus(-1.5))
    ideal = 3 + 1 / log2(3)
    both_picked = (3 - 1) * (1 - 1 / log2(3)) / ideal * softplus(1)
    assert value_of(lambda_loss, [1.0, 2.0], [2, 1]) == pytest.approx(both_picked)
    assert value_of(lambda_loss, [1.0, 2.0], [1, 1]) == 0


def test_bce_weighs_the_picks_as_much_as_the_rest() -> None:
    terms = [1.5 * softplus(-2), 1 * softplus(1), 0.5 * softplus(-1)]
    loss = value_of(bce_loss, [2, 1, -1], [3, 0, 0], [1, 1, 0.5])
    assert loss == pytest.approx(sum(terms) / 3)
    # the target of a pick with a third of the highest gain is 1/3
    third = softplus(1) - 1 / 3
    assert value_of(bce_loss, [1, 0], [1, 3]) == pytest.approx((third + log(2)) / 2)


# What all losses have in common


@each_loss
def test_a_loss_is_lower_the_higher_the_picks_rank(loss: Loss) -> None:
    one_pick = [[3.0, 0, 0, 0], [0, 3.0, 0, 0], [0, 0, 3.0, 0], [0, 0, 0, 3.0]]
    for rankings in (one_pick, [[3.0, 2, 0, 0], [2, 3.0, 0, 0], [0, 0, 2, 3.0]]):
        values = [value_of(loss, [2, 1, 0, -1], gains) for gains in rankings]
        assert values == sorted(set(values))


@each_loss
@hypothesis_settings(max_examples=50)
@given(scores=st.lists(st.floats(-9, 9), min_size=2, max_size=6), pick=st.integers(0, 5))
def test_a_gradient_step_raises_the_pick_and_nothing_else(
    loss: Loss, scores: list[float], pick: int
) -> None:
    gains = [3.0 if row == pick % len(scores) else 0.0 for row in range(len(scores))]
    _, gradient = value_and_gradient(loss, scores, gains)
    assert gradient[pick % len(scores)] <= 0
    assert all(gradient[row] >= 0 for row, gain in enumerate(gains) if not gain)
    assert gradient.abs().max() > 0


@each_loss
@pytest.mark.parametrize("score", [-90.0, -2.0, 0.7, 90.0])
def test_a_negative_of_weight_0_counts_nothing(loss: Loss, score: float) -> None:
    value, gradient = value_and_gradient(loss, [1.0, 0.5, score], [2, 0, 0], [1, 1, 0])
    if loss is not lambda_loss or score < 0.5:  # there its rank counts, even without a weight
        assert value == pytest.approx(value_of(loss, [1.0, 0.5], [2, 0]))
    assert gradient[2] == 0
    assert gradient.isfinite().all()


@each_loss
@pytest.mark.parametrize("size", [1e2, 1e4, 1e10])
@pytest.mark.parametrize("signs", [[1, -1, 1], [-1, 1, 1], [-1, -1, -1], [0, 0, 0]])
def test_extreme_scores_give_a_finite_loss(loss: Loss, size: float, signs: list[int]) -> None:
    scores, gains, weights = [size * sign for sign in signs], [3.0, 0, 2], [1.0, 0.5, 1]
    value, gradient = value_and_gradient(loss, scores, gains, weights)
    assert np.isfinite(value)
    assert gradient.isfinite().all()


@hypothesis_settings(max_examples=50)
@given(
    teacher=st.lists(st.floats(-5, 5), min_size=2, max_size=5),
    error=st.lists(st.floats(-3, 3), min_size=5, max_size=5),
)
def test_distillation_is_lowest_where_the_student_agrees_with_the_teacher(
    teacher: list[float], error: list[float]
) -> None:
    loss = list_losses.DistillationLoss(cast(CrossEncoder, None))
    labels = torch.tensor([[score, 1.0] for score in teacher], dtype=torch.float64)
    lowest = loss.list_loss(labels[:, 0], labels)
    student = labels[:, 0] + torch.tensor(error[: len(teacher)], dtype=torch.float64)
    assert loss.list_loss(student, labels) >= lowest - 1e-9
    # a softmax sees differences only
    assert loss.list_loss(labels[:, 0] + 7, labels).item() == pytest.approx(lowest.item())


# Batches


@pytest.fixture(scope="module")
def student(tiny_base: Path) -> CrossEncoder:
    """A cross-encoder with a random head, without dropout."""
    return load_or_create(tiny_base, 40, seed=1).eval()


def test_scores_are_in_the_order_of_the_pairs_whatever_their_length(
    student: CrossEncoder, make_list: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_losses, "PAIRS_PER_FORWARD", 3)
    texts = ["rice crop " * times for times in (9, 1, 4, 2, 2, 7, 1, 12)]
    pairs = [("men " * (row % 3 + 1), text) for row, text in enumerate(texts)]
    with torch.no_grad():
        scores = list_losses.ListLoss(student).scores(pairs).tolist()
    alone = np.concatenate(predict_logits(student, [make_list(*pair) for pair in pairs]))
    assert scores == pytest.approx(alone, abs=1e-5)
    assert len(set(alone)) > 5


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_a_batch_is_the_mean_of_its_lists(
    student: CrossEncoder, make_list: Callable[..., Record], name: str
) -> None:
    queries = ["jobless men", "rice"]
    documents = [["Men without work.", "rain", "a fat wheat harvest"], ["rice crop", "rent"]]
    labels = [torch.tensor([[3.0, 1], [0, 1], [0, 0.5]]), torch.tensor([[0.0, 1], [3, 1]])]
    lists = [make_list(query, *texts) for query, texts in zip(queries, documents, strict=True)]
    expected = [
        LOSSES[name](torch.tensor(logits), label[:, 0], label[:, 1]).item()
        for logits, label in zip(predict_logits(student, lists), labels, strict=True)
    ]
    with torch.no_grad():
        loss = list_losses.PickLoss(student, name)((queries, documents), labels).item()
    assert loss == pytest.approx(sum(expected) / 2, abs=1e-5)

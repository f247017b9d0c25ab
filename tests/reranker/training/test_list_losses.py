"""With our labels, the library's losses learn each gain's share and the teacher's order."""

from math import inf, log
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import LambdaLoss

from findtune.reranker.model.cross_encoder import load_or_create, predict_logits
from findtune.reranker.training import list_losses
from findtune.reranker.training.list_losses import distillation_loss, pick_labels, pick_loss

TEXTS = {
    "jobless men": ["Men without work.", "rain", "a fat wheat harvest"],
    "rice": ["rice crop", "rent"],
}
GAINS = [np.array([0.0, 1, 3]), np.array([0.0, 2])]
TEACHER = [np.array([-1.0, 2, 0.5]), np.array([1.0, -1])]


@pytest.fixture
def student(tiny_base: Path) -> CrossEncoder:
    """A cross-encoder with a random head, without dropout."""
    return load_or_create(tiny_base, 40, seed=1).eval()


def logits_of(student: CrossEncoder) -> list[np.ndarray]:
    lists = [
        {"query": query, "documents": [{"text": text} for text in texts]}
        for query, texts in TEXTS.items()
    ]
    return predict_logits(student, lists)


def value_of(loss: torch.nn.Module, labels: list[np.ndarray]) -> torch.Tensor:
    value: torch.Tensor = loss(([*TEXTS], [*TEXTS.values()]), [torch.tensor(x) for x in labels])
    return value


def learn(student: CrossEncoder, loss: torch.nn.Module, labels: list[np.ndarray]) -> None:
    optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
    for _ in range(20):
        optimizer.zero_grad()
        value_of(loss, labels).backward()
        optimizer.step()


@pytest.mark.filterwarnings("error")
def test_the_softmax_of_the_labels_is_the_share_of_each_gain() -> None:
    labels = pick_labels(np.array([3.0, 0, 1]), "listnet")
    assert labels.tolist() == pytest.approx([log(3), -inf, 0])
    assert torch.tensor(labels).softmax(0).tolist() == pytest.approx([0.75, 0, 0.25])
    assert pick_labels(GAINS[0], "lambda").tolist() == [0, 1, 3]  # the gains themselves


@pytest.mark.parametrize("pairs_per_forward", [2, 32])
def test_the_loss_is_the_mean_of_the_cross_entropies_of_lists_of_any_length(
    student: CrossEncoder, monkeypatch: pytest.MonkeyPatch, pairs_per_forward: int
) -> None:
    learn(student, distillation_loss(student), TEACHER)  # so that its scores differ
    monkeypatch.setattr(list_losses, "PAIRS_PER_FORWARD", pairs_per_forward)
    labels = [pick_labels(gains, "listnet") for gains in GAINS]
    with torch.no_grad():
        loss = value_of(pick_loss(student, "listnet"), labels)
    first, second = (log_softmax(logits) for logits in logits_of(student))
    expected = [-0.25 * first[1] - 0.75 * first[2], -second[1]]
    assert loss.item() == pytest.approx(sum(expected) / 2, abs=1e-5)


@pytest.mark.parametrize("name", ["listnet", "lambda"])
def test_a_few_steps_raise_the_picks(student: CrossEncoder, name: list_losses.LossName) -> None:
    before = logits_of(student)
    labels = [pick_labels(gains, name) for gains in GAINS]
    loss = pick_loss(student, name)
    assert isinstance(loss, LambdaLoss) == (name == "lambda")
    learn(student, loss, labels)
    for earlier, later in zip(before, logits_of(student), strict=True):
        # more than the first document, which is no pick
        assert (later[1:] - later[0] > earlier[1:] - earlier[0]).all()


def test_distillation_learns_the_order_of_the_teacher(student: CrossEncoder) -> None:
    learn(student, distillation_loss(student), TEACHER)
    for logits, teacher in zip(logits_of(student), TEACHER, strict=True):
        assert np.argsort(logits).tolist() == np.argsort(teacher).tolist()

"""Interpolated weights lie at the asked share of the way from the base to the tuned model."""

import pytest
import torch

from findtune.training.interpolation import interpolate, snapshot

BASE = {"weight": torch.tensor([0.0, 1.0, 0.1]), "positions": torch.tensor([1, 2, 3])}
TUNED = {"weight": torch.tensor([1.0, 3.0, 0.7]), "positions": torch.tensor([7, 8, 9])}


@pytest.mark.parametrize(
    ("a", "expected"), [(0, [0.0, 1.0, 0.1]), (0.5, [0.5, 2.0, 0.4]), (1, [1.0, 3.0, 0.7])]
)
def test_weights_are_interpolated_and_integers_stay_the_bases(
    a: float, expected: list[float]
) -> None:
    weights = interpolate(BASE, TUNED, a)
    compare = torch.equal if a in (0, 1) else torch.allclose
    assert compare(weights["weight"], torch.tensor(expected))
    assert torch.equal(weights["positions"], torch.tensor([1, 2, 3]))
    assert torch.equal(BASE["weight"], torch.tensor([0.0, 1.0, 0.1]))


def test_a_snapshot_does_not_follow_the_model() -> None:
    model = torch.nn.Linear(2, 2)
    weights, before = snapshot(model), model.weight.detach().clone()
    with torch.no_grad():
        model.weight.add_(1)
    assert torch.equal(weights["weight"], before)

"""Interpolated weights lie at the asked share of the way from the base to the tuned model."""

import psutil  # type: ignore[import-untyped]
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


def test_a_snapshot_has_the_weights_of_every_type_and_shape_bit_by_bit() -> None:
    model = torch.nn.Module()
    model.bf16 = torch.nn.Parameter(torch.randn(3, 5).bfloat16())
    model.square = torch.nn.Parameter(torch.randn(4, 4))
    model.transposed = torch.nn.Parameter(model.square.data.T)  # the same memory, other values
    model.single = torch.nn.Parameter(torch.tensor(0.1))
    for name, buffer in {
        "count": torch.tensor(3),
        "mask": torch.tensor([True, False, True]),
        "none": torch.zeros(0, 2),
    }.items():
        model.register_buffer(name, buffer)
    weights = snapshot(model)
    assert weights.keys() == model.state_dict().keys()
    for name, weight in model.state_dict().items():
        assert weights[name].dtype == weight.dtype
        assert torch.equal(weights[name], weight)
    model.load_state_dict(weights)


def test_tied_weights_are_kept_once() -> None:
    first, second = torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    weights = snapshot(torch.nn.Sequential(first, second))
    assert weights["0.weight"].data_ptr() == weights["1.weight"].data_ptr()
    assert snapshot(torch.nn.Module()) == {}


def test_a_snapshot_is_in_a_file_and_not_in_memory() -> None:
    model = torch.nn.Linear(4096, 4096)  # 67 MB
    process = psutil.Process()
    before = process.memory_info().rss
    weights = snapshot(model)
    assert process.memory_info().rss - before < 20e6
    assert torch.equal(weights["weight"], model.weight)

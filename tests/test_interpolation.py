"""Weights between two models lie where `a` says."""

import torch

from findtune.interpolation import between, snapshot

BASE = {"weight": torch.tensor([0.0, 1.0, 0.1]), "places": torch.tensor([1, 2, 3])}
TUNED = {"weight": torch.tensor([1.0, 3.0, 0.7]), "places": torch.tensor([7, 8, 9])}


def test_nothing_of_the_way_is_the_base() -> None:
    assert torch.equal(between(BASE, TUNED, 0)["weight"], BASE["weight"])


def test_all_of_the_way_is_the_tuned_model() -> None:
    assert torch.equal(between(BASE, TUNED, 1)["weight"], TUNED["weight"])


def test_half_of_the_way_is_the_mean() -> None:
    assert torch.allclose(between(BASE, TUNED, 0.5)["weight"], torch.tensor([0.5, 2.0, 0.4]))


def test_tensors_of_whole_numbers_stay_the_bases() -> None:
    found = between(BASE, TUNED, 0.5)["places"]
    assert torch.equal(found, BASE["places"])
    assert found.dtype == BASE["places"].dtype


def test_the_weights_that_were_given_stay_as_they_were() -> None:
    before = BASE["weight"].clone()
    between(BASE, TUNED, 0.5)
    assert torch.equal(BASE["weight"], before)


def test_a_snapshot_does_not_follow_the_model() -> None:
    model = torch.nn.Linear(2, 2)
    kept = snapshot(model)
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight.add_(1)
    assert torch.equal(kept["weight"], before)

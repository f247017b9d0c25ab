"""Interpolation between a base model and its tuned weights: theta = (1 - a) base + a tuned.

It restores some of what tuning made the model forget, at a small cost in what it gained.
Sources: WiSE-FT (Wortsman et al. 2022), LM-Cocktail (Xiao et al. 2024).
"""

from collections.abc import Mapping

import torch

State = Mapping[str, torch.Tensor]


def interpolate(base: State, tuned: State, a: float) -> dict[str, torch.Tensor]:
    """Return the weights at share `a` of the way from base to tuned.

    Tensors without floating point numbers, such as position ids, are the base's.
    """
    return {
        name: torch.lerp(weight, tuned[name], a) if weight.is_floating_point() else weight
        for name, weight in base.items()
    }


def snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a model's weights that further training does not change."""
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}

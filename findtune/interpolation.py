"""Between a base model and its tuned self: theta = (1 - a) base + a tuned.

Some of what tuning forgets comes back for little of what it gained.
Sources: WiSE-FT (Wortsman et al. 2022), LM-Cocktail (Xiao et al. 2024).
"""

from collections.abc import Mapping

import torch

State = Mapping[str, torch.Tensor]


def between(base: State, tuned: State, a: float) -> dict[str, torch.Tensor]:
    """Return the weights at a share `a` of the way from base to tuned.

    Tensors that hold no floating point numbers, such as position ids, are the base's.
    """
    return {
        name: torch.lerp(weight, tuned[name], a) if weight.is_floating_point() else weight
        for name, weight in base.items()
    }


def snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a model's weights that further training does not touch."""
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}

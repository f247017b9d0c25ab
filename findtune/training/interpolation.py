"""Interpolation between base and tuned weights: theta = (1 - a) base + a tuned.

It restores some of what the model forgot in tuning, and costs little of what it gained.
Sources: WiSE-FT (Wortsman et al. 2022), LM-Cocktail (Xiao et al. 2024).
"""

import mmap
import os
import tempfile
from collections.abc import Mapping
from typing import Any, cast

import torch

ALIGNMENT = 64  # bytes, at which each weight of a snapshot starts

State = Mapping[str, torch.Tensor]
Memory = tuple[int, tuple[int, ...], tuple[int, ...]]  # address, shape and strides


def interpolate(base: State, tuned: State, a: float) -> dict[str, torch.Tensor]:
    """Return the weights at share `a` of the way from base to tuned.

    Tensors of integers, such as position ids, are taken from the base.
    """
    return {
        name: torch.lerp(weight, tuned[name], a) if weight.is_floating_point() else weight
        for name, weight in base.items()
    }


def snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a model's weights that further training does not change.

    It is mapped from an unnamed temporary file, which takes no memory until it is read. In memory,
    the base and the best weights would add a fifth to a language model with Adam's state.
    Weights that share memory, such as tied embeddings, are written once.
    """
    weights = {name: weight.detach().cpu() for name, weight in model.state_dict().items()}
    with tempfile.TemporaryFile() as file:
        offsets: dict[Memory, int] = {}
        for weight in weights.values():
            if weight.numel() and key_of(weight) not in offsets:
                file.seek(-file.tell() % ALIGNMENT, os.SEEK_CUR)
                offsets[key_of(weight)] = file.tell()
                file.write(memory_of(weight))
        file.flush()
        if not offsets:
            return weights
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # outlives the file
    return {
        name: torch.frombuffer(
            mapped, dtype=weight.dtype, count=weight.numel(), offset=offsets[key_of(weight)]
        ).view(weight.shape)
        if weight.numel()
        else weight
        for name, weight in weights.items()
    }


def key_of(weight: torch.Tensor) -> Memory:
    """Return a key that is equal for weights with the same memory, shape and strides."""
    return weight.data_ptr(), tuple(weight.shape), weight.stride()


def memory_of(weight: torch.Tensor) -> memoryview:
    """Return the bytes of a weight."""
    return memoryview(cast(Any, weight.contiguous().flatten().view(torch.uint8).numpy()))

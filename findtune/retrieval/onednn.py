"""Linear layers computed by oneDNN, for inference in fp32 on a CPU.

On x86 processors torch computes them with MKL, which on those of AMD reaches about half of what
oneDNN does. Both are parts of torch; the results are the same, within rounding.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode


def by_onednn(model: torch.nn.Module) -> AbstractContextManager[object]:
    """Return a context in which the linear layers of a model are computed by oneDNN.

    It changes nothing for a model that is not in fp32, or not on a CPU.
    """
    weight = next(model.parameters(), None)
    if weight is None or weight.dtype != torch.float32 or weight.device.type != "cpu":
        return nullcontext()
    return LinearByOneDNN()


class LinearByOneDNN(TorchFunctionMode):
    """Inside this context, linear layers in fp32 on a CPU are computed by oneDNN.

    Under autocast, layers stay with torch, which rounds their inputs; so do those that need
    gradients, which the operation does not compute.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, or oneDNN in place of a linear layer."""
        if func is linear and not kwargs and suits_onednn(*args):
            return fused_linear(*args)
        return func(*args, **(kwargs or {}))


def suits_onednn(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    """Return whether oneDNN can compute a layer as torch would."""
    return (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and inputs.device.type == "cpu"
        and inputs.dtype == weight.dtype == torch.float32
        and weight.dim() == 2
    )


def fused_linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the output of a linear layer, by the operation that torch.compile uses.

    "none" and what follows say that no activation is fused with the layer.
    """
    outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return outputs

"""Linear layers by oneDNN give the results of torch's own, and compute all that is encoded."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode

from findtune.retrieval.encoder import load_encoder
from findtune.retrieval.encoding import encode_texts
from findtune.retrieval.onednn import LinearByOneDNN, by_onednn

# Operation -> who computes it; inference mode keeps a linear layer whole.
OPERATIONS = {
    "mkldnn._linear_pointwise.default": "oneDNN",
    "aten.addmm.default": "torch",
    "aten.linear.default": "torch",
}

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
    reason="this torch has no oneDNN",
)


class Operations(TorchDispatchMode):
    """Notes who computes linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.computed_by: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if str(func) in OPERATIONS:
            self.computed_by.add(OPERATIONS[str(func)])
        return func(*args, **(kwargs or {}))


def layer(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Return random inputs, weights and a bias."""
    inputs, weight, bias = torch.randn(*shape, 5), torch.randn(3, 5), torch.randn(3)
    return inputs.to(dtype), weight.to(dtype), bias.to(dtype)


@pytest.mark.parametrize("shape", [(1,), (7,), (2, 7)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_the_result_is_that_of_torch(shape: tuple[int, ...], with_bias: bool) -> None:
    inputs, weight, bias = layer(*shape)
    own_bias = bias if with_bias else None
    with torch.inference_mode(), Operations() as noted, LinearByOneDNN():
        outputs = linear(inputs, weight, own_bias)
    torch.testing.assert_close(outputs, linear(inputs, weight, own_bias))
    assert noted.computed_by == {"oneDNN"}


@pytest.mark.parametrize(
    ("dtype", "context"),
    [
        (torch.bfloat16, torch.no_grad()),
        (torch.float32, torch.autocast("cpu", torch.bfloat16)),
        (torch.float32, torch.enable_grad()),
    ],
    ids=["bf16", "autocast", "gradients"],
)
def test_other_layers_stay_with_torch(
    dtype: torch.dtype, context: AbstractContextManager[object]
) -> None:
    parts = layer(7, dtype=dtype)
    with context, Operations() as noted, LinearByOneDNN():
        linear(*parts)
    assert noted.computed_by == {"torch"}


def test_texts_are_encoded_by_onednn_unless_the_encoder_is_in_bf16(tiny_base: Path) -> None:
    encoder = load_encoder(tiny_base)
    for expected in ("oneDNN", "torch"):
        with Operations() as noted:
            encode_texts(encoder, ["how many men drink tea?"])
        assert noted.computed_by == {expected}
        encoder.bfloat16()


def test_a_model_without_weights_stays_with_torch() -> None:
    with by_onednn(torch.nn.Identity()), torch.inference_mode(), Operations() as noted:
        linear(*layer(7))
    assert noted.computed_by == {"torch"}

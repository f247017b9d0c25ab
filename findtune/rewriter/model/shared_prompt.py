"""Attention of several samples to one prompt, of which the keys and values are kept once.

`generate` of transformers copies them for each sample and reads all copies at each step, which
takes as long as all matrix products of a small model. Source: shared-prefix attention, as in
Hydragen (Juravsky et al. 2024), 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from findtune.core.errors import UnsafeModelError

NAME = "shared_prompt"  # of this attention, in transformers


@dataclass
class SharedPrompts:
    """What a causal model has read of some questions, and which row continues which of them.

    layers: keys and values of each, (questions, key heads, tokens, dimensions); mask: 0 or -inf,
    (questions, 1, 1, tokens); question: of each row, (rows,), in ascending order.
    """

    layers: Sequence[tuple[Tensor, Tensor]]
    mask: Tensor
    question: Tensor

    def __post_init__(self) -> None:
        """Find the place of each row in a block of (questions, samples) rows."""
        counts = torch.bincount(self.question, minlength=len(self.mask))
        self.samples = int(counts.max()) if len(counts) else 0
        first = counts.cumsum(0) - counts
        rank = torch.arange(len(self.question), device=counts.device) - first[self.question]
        self.places = self.question * self.samples + rank

    def keep(self, rows: Tensor) -> None:
        """Forget all rows but these."""
        self.question = self.question[rows]
        self.__post_init__()

    def block(self, rows: Tensor) -> Tensor:
        """Return (rows, key heads, queries, x) as (questions, key heads, samples * queries, x)."""
        questions, (_, heads, queries, size) = len(self.mask), rows.shape
        block = rows.new_zeros(questions * self.samples, heads, queries, size)
        block[self.places] = rows
        block = block.view(questions, self.samples, heads, queries, size)
        return block.transpose(1, 2).reshape(questions, heads, self.samples * queries, size)

    def rows(self, block: Tensor) -> Tensor:
        """Return what `block` was given."""
        questions, heads, queries, size = block.shape
        rows = block.view(questions, heads, self.samples, -1, size).transpose(1, 2)
        return rows.reshape(questions * self.samples, heads, -1, size)[self.places]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return the attention of each row to its prompt and to what it has written itself.

        query: (rows, heads, 1, dimensions); key, value: (rows, key heads, written, dimensions).
        """
        keys, values = self.layers[layer]
        rows, heads, _, size = query.shape
        grouped = (query * scale).view(rows, key.shape[1], -1, size)
        to_prompt = self.block(grouped) @ keys.transpose(2, 3) + self.mask
        scores = torch.cat([self.rows(to_prompt), grouped @ key.transpose(2, 3)], dim=-1)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
        read = keys.shape[2]
        of_prompt = self.rows(self.block(weights[..., :read]) @ values)
        output: Tensor = of_prompt + weights[..., read:] @ value
        return output.view(rows, 1, heads, size)


def shared_prompt_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    prompts: SharedPrompts | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Return the attention's output, (rows, tokens, heads, dimensions).

    Without prompts it is that of torch. Raises UnsafeModelError for a model with an attention of
    its own kind.
    """
    if prompts is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
    for name in ("softcap", "s_aux"):
        if options.get(name) is not None:
            raise UnsafeModelError(f"the model's attention has {name}, which can't be computed.")
    return prompts.attend(int(module.layer_idx), query, key, value, scaling), None  # type: ignore[arg-type]


AttentionInterface.register(NAME, shared_prompt_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)

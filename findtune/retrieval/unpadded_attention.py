"""Attention over concatenated texts, without padding between them.

A GPU has FlashAttention for that; this does the same on every device, in plain matrix products. All
other layers work on single tokens, so they compute nothing for padding. Only for attention, texts
of similar length form padded blocks.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "unpadded"  # under which transformers knows this attention
TEXTS_PER_BLOCK = 16
TEXTS_PER_BLOCK_ON_GPU = 128  # where starting a product takes longer than computing it


class Block(NamedTuple):
    """Texts of similar length, padded to the longest. mask: (texts, 1, 1, tokens), 0 or -inf."""

    texts: int
    tokens: int
    mask: Tensor | None

    def attend(self, query: Tensor, key: Tensor, value: Tensor, heads: int, scale: float) -> Tensor:
        """Return the attention's output; all are (texts * tokens, dimensions)."""
        shape = (self.texts, self.tokens, heads, -1)
        query, key, value = (rows.view(shape).transpose(1, 2) for rows in (query, key, value))
        logits = query @ key.transpose(2, 3) * scale
        if self.mask is not None:
            logits = logits + self.mask.to(logits.dtype)
        output = torch.softmax(logits, dim=-1).to(value.dtype) @ value
        return output.transpose(1, 2).reshape(self.texts * self.tokens, -1)


class Blocks(NamedTuple):
    """How the tokens of a batch, (tokens,), are cut into blocks.

    slots: the token at each place in the blocks, (places,); places: the place of each token,
    (tokens,).
    """

    blocks: Sequence[Block]
    slots: Tensor
    places: Tensor

    def attend(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return the attention's output, (tokens, heads * dimensions).

        query, key, value: (heads, tokens, dimensions).
        """
        heads, tokens, _ = query.shape
        sizes = [block.texts * block.tokens for block in self.blocks]

        def parts(rows: Tensor) -> Sequence[Tensor]:
            flat = rows.transpose(0, 1).reshape(tokens, -1)
            return torch.split(flat.index_select(0, self.slots), sizes)

        rows_of_blocks = zip(self.blocks, parts(query), parts(key), parts(value), strict=True)
        outputs = [block.attend(q, k, v, heads, scale) for block, q, k, v in rows_of_blocks]
        return torch.cat(outputs).index_select(0, self.places)


def cut(lengths: Sequence[int], device: torch.device) -> Blocks:
    """Return the blocks of concatenated texts; lengths: tokens of each text."""
    starts = torch.tensor([0, *lengths]).cumsum(0)
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    places = torch.empty(int(starts[-1]), dtype=torch.long)
    blocks, slots, first = list[Block](), list[Tensor](), 0
    texts = TEXTS_PER_BLOCK if device.type == "cpu" else TEXTS_PER_BLOCK_ON_GPU
    for begin in range(0, len(order), texts):
        rows = torch.tensor(order[begin : begin + texts])
        size = torch.tensor([lengths[row] for row in rows.tolist()])[:, None]
        columns = torch.arange(int(size.max()))
        real = columns < size
        tokens = starts[rows][:, None] + columns.where(real, 0)
        places[tokens[real]] = first + torch.arange(real.numel()).view(real.shape)[real]
        mask = torch.zeros(real.shape).masked_fill(~real, -torch.inf)[:, None, None].to(device)
        blocks.append(Block(len(rows), len(columns), None if real.all() else mask))
        slots.append(tokens.flatten())
        first += real.numel()
    return Blocks(blocks, torch.cat(slots).to(device), places.to(device))


def unpadded_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    blocks: Blocks | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Return the attention's output, (1, tokens, heads, dimensions).

    Without blocks, the batch is padded and transformers' fused attention (SDPA) computes it. With
    blocks, query, key and value are (1, heads, tokens, dimensions), and there is no dropout, since
    models are trained without it.
    """
    if blocks is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
    output = blocks.attend(query[0], key[0], value[0], scaling)
    return output.view(1, query.shape[2], query.shape[1], -1), None


AttentionInterface.register(NAME, unpadded_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)

"""Attention of several samples to one prompt whose keys and values are stored only once.

`generate` of transformers copies them for each sample and reads all copies at each step, which
takes as long as all matrix products of a small model. Source: shared-prefix attention, as in
Hydragen (Juravsky et al. 2024), section 3.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from findtune.core.errors import InputError

NAME = "shared_prompt"  # under which transformers knows this attention
PROBE = (5, 9, 3, 8, 4, 7, 6)  # any tokens will do
TOLERANCE = 1e-3  # largest `distance` allowed, in fp32


@dataclass
class SharedPrompts:
    """What a causal model has read of some questions, and which question each row continues.

    layers: each layer's keys and values, (questions, key heads, tokens, dimensions); mask: 0 or
    -inf, (questions, 1, 1, tokens); question: the question of each row, (rows,), ascending.
    """

    layers: Sequence[tuple[Tensor, Tensor]]
    mask: Tensor
    question: Tensor

    def __post_init__(self) -> None:
        """Compute the position of each row in a block of (questions, samples) rows."""
        counts = torch.bincount(self.question, minlength=len(self.mask))
        self.samples = int(counts.max()) if len(counts) else 0
        first = counts.cumsum(0) - counts
        rank = torch.arange(len(self.question), device=counts.device) - first[self.question]
        self.places = self.question * self.samples + rank

    def keep(self, rows: Tensor) -> None:
        """Drop all rows except these."""
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
        """Return the rows of a block: the inverse of `block`."""
        questions, heads, queries, size = block.shape
        rows = block.view(questions, heads, self.samples, -1, size).transpose(1, 2)
        return rows.reshape(questions * self.samples, heads, -1, size)[self.places]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return the attention output of each row over its prompt and its own tokens.

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

    Without prompts it is torch's own attention.
    """
    if prompts is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
    return prompts.attend(int(module.layer_idx), query, key, value, scaling), None  # type: ignore[arg-type]


@torch.no_grad()
def share_prompts(model: PreTrainedModel) -> None:
    """Let a causal model share prompts; raise InputError if that changes its scores.

    A model's own code may ignore shared prompts or the mask of a tree: it would then write without
    having read the question, or learn from texts that attend to each other.
    """
    name = type(model).__name__
    try:
        model.set_attn_implementation(NAME)
        with exact_weights(model):
            differences = [shared_difference(model), branch_difference(model)]
    except (ArithmeticError, LookupError, AttributeError, TypeError, ValueError, RuntimeError):
        differences = [torch.inf]
    if not max(differences) < TOLERANCE:
        raise InputError(
            f"{name} has an attention of its own kind, which the rewriter can't use; set another "
            "base in params.yaml, such as a Llama, Qwen or Gemma 3."
        )


@contextmanager
def exact_weights(model: PreTrainedModel) -> Iterator[None]:
    """Compute in fp32 inside the context: rounding to bf16 can change scores by a tenth."""
    saved = [(weight, weight.data) for weight in model.parameters()]
    for weight, data in saved:
        weight.data = data.float()
    try:
        yield
    finally:
        for weight, data in saved:
            weight.data = data


def shared_difference(model: PreTrainedModel) -> float:
    """Return how far the scores with a shared prompt are from those of the plain text."""
    text = torch.tensor([PROBE], device=model.device)
    cache = model(input_ids=text[:, :-1], use_cache=True).past_key_values
    read = text.shape[1] - 1
    prompts = SharedPrompts(
        [(layer.keys, layer.values) for layer in cache.layers],
        torch.zeros(1, 1, 1, read, dtype=model.dtype, device=model.device),
        torch.zeros(1, dtype=torch.long, device=model.device),
    )
    options = {"position_ids": text.new_full((1, 1), read), "past_key_values": DynamicCache()}
    shared = model(input_ids=text[:, -1:], use_cache=True, prompts=prompts, **options)
    return distance(shared.logits[0, -1], model(input_ids=text).logits[0, -1])


def branch_difference(model: PreTrainedModel) -> float:
    """Return how far the scores on a branch of a tree are from those of the plain text."""
    *stem, first, second = PROBE
    text = torch.tensor([[*stem, first, second]], device=model.device)
    positions = torch.tensor([[*range(len(stem)), len(stem), len(stem)]], device=model.device)
    attends = torch.ones(len(PROBE), len(PROBE), dtype=torch.bool, device=model.device).tril()
    attends[-1, -2] = False
    tree = {"position_ids": positions, "attention_mask": attends[None, None]}
    plain = model(input_ids=torch.tensor([[*stem, second]], device=model.device))
    return distance(model(input_ids=text, **tree).logits[0, -1], plain.logits[0, -1])


def distance(scores: Tensor, expected: Tensor) -> float:
    """Return the norm of the difference, relative to the norm of the expected scores."""
    return float((scores.float() - expected.float()).norm() / expected.float().norm())


AttentionInterface.register(NAME, shared_prompt_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)

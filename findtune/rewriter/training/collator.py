"""Putting training examples of different lengths into one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from findtune.rewriter.model.backbone import IGNORED_LABEL


@dataclass(frozen=True)
class PaddingCollator:
    """Pads examples on the side that the language model needs."""

    pad_token_id: int
    padding_side: str

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return a batch: input_ids, attention_mask and labels, (examples, tokens), and weights.

        `target_tokens` says how many of the last tokens can have a label, for a causal model; it
        is 0 for an encoder-decoder.
        """
        input_ids = [example["input_ids"] for example in examples]
        labels = [example["labels"] for example in examples]
        lengths = [sum(label != IGNORED_LABEL for label in row) for row in labels]
        return {
            "input_ids": self.pad(input_ids, self.pad_token_id),
            "attention_mask": self.pad([[1] * len(row) for row in input_ids], 0),
            "labels": self.pad(labels, IGNORED_LABEL),
            "weights": torch.tensor([example["weight"] for example in examples]),
            "target_tokens": max(lengths) if self.padding_side == "left" else 0,
        }

    def pad(self, rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        """Return rows padded to the length of the longest, (rows, tokens)."""
        longest = max(map(len, rows))
        padded = []
        for row in rows:
            padding = [value] * (longest - len(row))
            padded.append([*padding, *row] if self.padding_side == "left" else [*row, *padding])
        return torch.tensor(padded)

"""Batching training examples of different lengths, with their weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import DataCollatorForSeq2Seq

TOKEN_FIELDS = ("input_ids", "labels")


class WeightedCollator(DataCollatorForSeq2Seq):
    """The collator of transformers, which pads on the tokenizer's side, plus example weights."""

    def __call__(
        self, features: Sequence[Mapping[str, Any]], return_tensors: str | None = None
    ) -> dict[str, Any]:
        """Return a batch: input_ids, attention_mask and labels, (examples, tokens), and weights."""
        tokens = [{field: row[field] for field in TOKEN_FIELDS} for row in features]
        padded = super().__call__(tokens, return_tensors)  # type: ignore[no-untyped-call]
        batch = dict(padded)
        batch["weights"] = torch.tensor([row["weight"] for row in features])
        return batch

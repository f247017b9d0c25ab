"""Putting training examples of different lengths, with their weights, into one batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import DataCollatorForSeq2Seq

from findtune.rewriter.model.backbone import IGNORED_LABEL

TOKEN_FIELDS = ("input_ids", "labels")


class WeightedCollator(DataCollatorForSeq2Seq):
    """The collator of transformers, which pads on the tokenizer's side, plus example weights."""

    def __call__(
        self, features: Sequence[Mapping[str, Any]], return_tensors: str | None = None
    ) -> dict[str, Any]:
        """Return a batch: input_ids, attention_mask and labels, (examples, tokens), and weights.

        `target_tokens` says how many of the last tokens can have a label, for a causal model,
        which is padded on the left; it is 0 for an encoder-decoder.
        """
        tokens = [{field: row[field] for field in TOKEN_FIELDS} for row in features]
        padded = super().__call__(tokens, return_tensors)  # type: ignore[no-untyped-call]
        batch = dict(padded)
        longest = max(sum(label != IGNORED_LABEL for label in row["labels"]) for row in features)
        batch["weights"] = torch.tensor([row["weight"] for row in features])
        batch["target_tokens"] = longest if self.tokenizer.padding_side == "left" else 0
        return batch

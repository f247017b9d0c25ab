"""The loss of a language model over examples that are not worth the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from transformers import Seq2SeqTrainer

from findtune.errors import CollapseError

IGNORED = torch.nn.CrossEntropyLoss().ignore_index  # a label that the loss passes over


class WeightedTrainer(Seq2SeqTrainer):
    """The trainer of transformers, with a weight for each example.

    For a causal model it does what its plain parent does.
    """

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> torch.Tensor:
        """Return the mean of the examples' mean loss a token, each times its weight.

        inputs: `weights`, (examples,); `kept`, how many last tokens the labels tell of, or 0.
        Raises CollapseError when it is no number.
        """
        weights, labels, kept = (inputs.pop(name) for name in ("weights", "labels", "kept"))
        if kept:  # the head is a fifth of a small model: only what is learned goes through it
            scores = model(**inputs, logits_to_keep=kept + 1).logits[:, :-1]
            labels = labels[:, -kept:]
        else:
            scores = model(**inputs, labels=labels).logits
        each = F.cross_entropy(
            scores.float().transpose(1, 2),
            labels,
            ignore_index=IGNORED,
            reduction="none",
            label_smoothing=self.args.label_smoothing_factor,
        )
        tokens = (labels != IGNORED).sum(dim=1).clamp_min(1)
        loss: torch.Tensor = (each.sum(dim=1) / tokens * weights).mean()
        if not torch.isfinite(loss):
            raise CollapseError("the loss is no number; lower learning_rate, or use fp32.")
        return loss


@dataclass(frozen=True)
class Batches:
    """Puts examples into one batch, padded on the side that the kind of model wants."""

    pad: int
    left: bool

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        tokens = self.padded([it["input_ids"] for it in examples], self.pad)
        mask = self.padded([[1] * len(it["input_ids"]) for it in examples], 0)
        learned = [sum(one != IGNORED for one in it["labels"]) for it in examples]
        return {
            "input_ids": tokens,
            "attention_mask": mask,
            "labels": self.padded([it["labels"] for it in examples], IGNORED),
            "weights": torch.tensor([it["weight"] for it in examples]),
            "kept": max(learned) if self.left else 0,
        }

    def padded(self, rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        """Return rows of one length, (rows, tokens)."""
        longest = max(map(len, rows))
        fill = [[value] * (longest - len(row)) for row in rows]
        return torch.tensor(
            [
                [*more, *row] if self.left else [*row, *more]
                for row, more in zip(rows, fill, strict=True)
            ]
        )

"""The loss of a language model on examples with different weights."""

from typing import Any

import torch
import torch.nn.functional as F
from transformers import Seq2SeqTrainer

from findtune.core.errors import CollapseError
from findtune.rewriter.model.backbone import IGNORED_LABEL
from findtune.training import ranks
from findtune.training.ranks import SharedBatches
from findtune.training.resumption import Resumable


class WeightedTrainer(SharedBatches, Resumable, Seq2SeqTrainer):
    """The trainer of transformers, with a weight for each example."""

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], *_: Any, **__: Any
    ) -> torch.Tensor:
        """Return the mean over the examples of weight times mean loss per token.

        With several ranks, it is the share of this one. inputs: as WeightedCollator makes them.
        Raises CollapseError for a non-finite loss.
        """
        target_tokens, examples = inputs.pop("target_tokens"), len(inputs["labels"])
        if ranks.count() > 1:
            rows = ranks.rows_of(examples)
            inputs = {name: tensor[rows] for name, tensor in inputs.items()}
        weights, labels = inputs.pop("weights"), inputs.pop("labels")
        if target_tokens:  # a small model spends a fifth of its time on the logits
            logits = model(**inputs, logits_to_keep=target_tokens + 1).logits[:, :-1]
            labels = labels[:, -target_tokens:]
        else:
            logits = model(**inputs, labels=labels).logits
        token_losses = F.cross_entropy(
            logits.float().transpose(1, 2),
            labels,
            ignore_index=IGNORED_LABEL,
            reduction="none",
            label_smoothing=self.args.label_smoothing_factor,
        )
        tokens = (labels != IGNORED_LABEL).sum(dim=1).clamp_min(1)
        loss: torch.Tensor = (token_losses.sum(dim=1) / tokens * weights).mean()
        if not torch.isfinite(loss):
            raise CollapseError("the loss is not finite; lower learning_rate, or use fp32.")
        return loss * ranks.weight_of(examples) if ranks.count() > 1 else loss

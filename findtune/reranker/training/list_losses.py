"""The losses over ranked lists, from sentence-transformers, and the labels that they expect.

Scores are compared only within a list, never between lists.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import LambdaLoss, ListNetLoss
from torch import Tensor

from findtune.training import ranks

PAIRS_PER_FORWARD = 32  # of query and document; bounds the memory of a batch of lists

Array = np.ndarray
LossName = Literal["listnet", "lambda"]


def distillation_loss(model: CrossEncoder) -> torch.nn.Module:
    """Return the cross-entropy of the teacher's and the student's softmax over a list.

    The labels are the teacher's scores. Sources: distillation (Hinton et al. 2015), over lists as
    in ListNet (Cao et al. 2007).
    """
    return in_ranks(ListNetLoss(model, mini_batch_size=PAIRS_PER_FORWARD))


def pick_loss(model: CrossEncoder, name: LossName) -> torch.nn.Module:
    """Return the loss between the scores of a list and its picks.

    Sources: ListNet (Cao et al. 2007), LambdaLoss (Wang et al., CIKM 2018).
    """
    if name == "lambda":
        return in_ranks(LambdaLoss(model, mini_batch_size=PAIRS_PER_FORWARD))
    return in_ranks(ListNetLoss(model, mini_batch_size=PAIRS_PER_FORWARD))


def in_ranks(loss: torch.nn.Module) -> torch.nn.Module:
    """Return a loss that several ranks compute together; with one rank, the loss itself."""
    return LossOfShare(loss) if ranks.count() > 1 else loss


class LossOfShare(torch.nn.Module):
    """A loss over lists, of which each rank computes its share of the batch."""

    def __init__(self, loss: torch.nn.Module) -> None:
        super().__init__()
        self.loss, self.model = loss, loss.model

    def forward(self, inputs: Sequence[Any], labels: Sequence[Tensor], **options: Any) -> Tensor:
        """Return this rank's loss, scaled so that the mean over ranks is the loss of the batch.

        inputs: the questions, and the documents of each; labels: (documents,) for each question.
        LambdaLoss averages over pairs of documents; here each rank averages over its own pairs.
        """
        wrapped: Any = self.loss.model  # DistributedDataParallel, which needs a plain dict
        wrapped.preprocess = lambda *args, **kw: dict(wrapped.module.preprocess(*args, **kw))
        rows = ranks.rows_of(len(labels))
        own = [[column[row] for row in rows] for column in inputs]
        loss: Tensor = self.loss(own, [labels[row] for row in rows], **options)
        return loss * ranks.weight_of(len(labels))


def pick_labels(gains: Array, name: LossName) -> Array:
    """Return the labels of one list for a pick loss; gains: (documents,).

    ListNet takes the softmax of its labels. The softmax of log gains is each gain's share of the
    total; a document without a gain has the label -inf, and so the share 0.
    """
    if name == "lambda":
        return gains
    with np.errstate(divide="ignore"):
        labels: Array = np.log(gains)
    return labels

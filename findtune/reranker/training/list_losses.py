"""The losses over ranked lists, those of sentence-transformers, and the labels that they take.

The scores of a list are compared with each other, never with those of another list.
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
    """Return the loss that says how badly the scores of a list fit what was picked.

    Sources: ListNet (Cao et al. 2007), LambdaLoss (Wang et al., CIKM 2018).
    """
    if name == "lambda":
        return in_ranks(LambdaLoss(model, mini_batch_size=PAIRS_PER_FORWARD))
    return in_ranks(ListNetLoss(model, mini_batch_size=PAIRS_PER_FORWARD))


def in_ranks(loss: torch.nn.Module) -> torch.nn.Module:
    """Return a loss over lists that several ranks compute together, itself where there is one."""
    return LossOfShare(loss) if ranks.count() > 1 else loss


class LossOfShare(torch.nn.Module):
    """A loss over lists of which each rank computes its share of a batch."""

    def __init__(self, loss: torch.nn.Module) -> None:
        super().__init__()
        self.loss, self.model = loss, loss.model

    def forward(self, inputs: Sequence[Any], labels: Sequence[Tensor], **options: Any) -> Tensor:
        """Return a share of the loss, of which the mean over the ranks is the loss of the batch.

        inputs: the questions, and the documents of each; labels: (documents,) for each question.
        LambdaLoss is a mean over pairs of documents, which here is taken rank by rank.
        """
        wrapped: Any = self.loss.model  # by DistributedDataParallel, which needs a plain dict
        wrapped.preprocess = lambda *args, **kw: dict(wrapped.module.preprocess(*args, **kw))
        rows = ranks.rows_of(len(labels))
        own = [[column[row] for row in rows] for column in inputs]
        loss: Tensor = self.loss(own, [labels[row] for row in rows], **options)
        return loss * ranks.weight_of(len(labels))


def pick_labels(gains: Array, name: LossName) -> Array:
    """Return the labels of one list for a pick loss; gains: (documents,).

    ListNet takes the softmax of its labels. That of log gains is each gain's share of all gains;
    a document without a gain has the label -inf, and no share.
    """
    if name == "lambda":
        return gains
    with np.errstate(divide="ignore"):
        labels: Array = np.log(gains)
    return labels

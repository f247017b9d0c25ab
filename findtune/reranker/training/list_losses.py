"""The losses over ranked lists, those of sentence-transformers, and the labels that they take.

The scores of a list are compared with each other, never with those of another list.
"""

from typing import Literal

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import LambdaLoss, ListNetLoss

PAIRS_PER_FORWARD = 32  # of query and document; bounds the memory of a batch of lists

Array = np.ndarray
LossName = Literal["listnet", "lambda"]


def distillation_loss(model: CrossEncoder) -> torch.nn.Module:
    """Return the cross-entropy of the teacher's and the student's softmax over a list.

    The labels are the teacher's scores. Sources: distillation (Hinton et al. 2015), over lists as
    in ListNet (Cao et al. 2007).
    """
    return ListNetLoss(model, mini_batch_size=PAIRS_PER_FORWARD)


def pick_loss(model: CrossEncoder, name: LossName) -> torch.nn.Module:
    """Return the loss that says how badly the scores of a list fit what was picked.

    Sources: ListNet (Cao et al. 2007), LambdaLoss (Wang et al., CIKM 2018).
    """
    if name == "lambda":
        return LambdaLoss(model, mini_batch_size=PAIRS_PER_FORWARD)
    return ListNetLoss(model, mini_batch_size=PAIRS_PER_FORWARD)


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

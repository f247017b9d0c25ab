"""Losses over ranked lists, in the form that the trainer of sentence-transformers takes.

The scores of a list are compared with each other, never with those of another list.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sentence_transformers import CrossEncoder

PAIRS_PER_FORWARD = 32  # pairs of similar length that go through the model together


class ListLoss(torch.nn.Module):
    """The base class of losses over ranked lists."""

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        inputs: tuple[list[str], list[list[str]]],
        labels: list[torch.Tensor],
        **_: Any,
    ) -> torch.Tensor:
        """Return the mean loss of a batch of lists.

        inputs: the queries, and the documents of each; labels: (documents, 2) for each list, the
        target and the weight of each document.
        """
        queries, documents = inputs
        pairs = [
            (query, text) for query, texts in zip(queries, documents, strict=True) for text in texts
        ]
        scores = torch.split(self.scores(pairs), [len(texts) for texts in documents])
        losses = [
            self.list_loss(list_scores, list_labels.to(list_scores))
            for list_scores, list_labels in zip(scores, labels, strict=True)
        ]
        return torch.stack(losses).mean()

    def scores(self, pairs: Sequence[tuple[str, str]]) -> torch.Tensor:
        """Return the logit of each pair, (pairs,); similar lengths share a forward pass."""
        order = sorted(range(len(pairs)), key=lambda row: len(pairs[row][0]) + len(pairs[row][1]))
        scores = []
        for start in range(0, len(order), PAIRS_PER_FORWARD):
            batch = [pairs[row] for row in order[start : start + PAIRS_PER_FORWARD]]
            tokens = self.model.preprocess(batch)
            tokens = {
                name: value.to(self.model.device) if isinstance(value, torch.Tensor) else value
                for name, value in tokens.items()
            }
            scores.append(self.model(tokens)["scores"].view(-1).float())
        original_order = torch.tensor(np.argsort(order), device=scores[0].device)
        return torch.cat(scores)[original_order]

    def list_loss(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of one list; scores: (documents,), labels: (documents, 2)."""
        raise NotImplementedError


class DistillationLoss(ListLoss):
    """The cross-entropy of the teacher's and the student's softmax over a list.

    Sources: distillation (Hinton et al. 2015), over lists as in ListNet (Cao et al. 2007).
    """

    def list_loss(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of one list; the labels' first column is the teacher's scores."""
        return -(labels[:, 0].softmax(0) * scores.log_softmax(0)).sum()


class PickLoss(ListLoss):
    """How badly the scores of a list fit what was picked: listnet, lambda or bce."""

    def __init__(self, model: CrossEncoder, name: str) -> None:
        super().__init__(model)
        self.function = {"listnet": listnet_loss, "lambda": lambda_loss, "bce": bce_loss}[name]

    def list_loss(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of one list; the labels' first column is the gains."""
        return self.function(scores, labels[:, 0], labels[:, 1])


def listnet_loss(scores: torch.Tensor, gains: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of the normalized gains and a softmax over the list.

    A document of weight w counts as w documents in the denominator. Sources: ListNet (Cao et al.
    2007), localized contrastive estimation (Gao et al., ECIR 2021).
    """
    weighted = scores + weights.log()
    return -(gains / gains.sum() * (scores - weighted.logsumexp(0))).sum()


def lambda_loss(scores: torch.Tensor, gains: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the logistic loss of each pair of documents, weighted by what a swap would cost.

    The cost is the change of nDCG with gains 2^g - 1. Source: LambdaRank as a loss
    (Wang et al., The LambdaLoss Framework, CIKM 2018).
    """
    exponential_gains = 2**gains - 1
    ranks = scores.detach().argsort(descending=True).argsort() + 1
    discounts = 1 / torch.log2(ranks + 1.0)
    positions = torch.arange(len(gains), device=gains.device)
    best_first = exponential_gains.sort(descending=True).values
    ideal = (best_first / torch.log2(positions + 2.0)).sum()
    gain_differences = exponential_gains[:, None] - exponential_gains
    swaps = gain_differences * (discounts[:, None] - discounts).abs() / ideal
    ordered = (gains[:, None] > gains) * weights
    return (ordered * swaps.abs() * F.softplus(scores - scores[:, None])).sum()


def bce_loss(scores: torch.Tensor, gains: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy, in which the picks together weigh as much as the rest."""
    targets = gains / gains.max()
    pick_weight = (weights * (gains == 0)).sum() / (gains > 0).sum()
    counts = torch.where(gains > 0, pick_weight.clamp_min(1.0), weights)
    total = F.binary_cross_entropy_with_logits(scores, targets, weight=counts, reduction="sum")
    return total / counts.sum()

"""Losses over ranked lists, as the trainer of sentence-transformers takes them.

Each list is one question's: its scores are compared with each other and with nothing else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sentence_transformers import CrossEncoder

PAIRS_AT_ONCE = 32  # pairs of like length that go through the model together


class ListLoss(torch.nn.Module):
    """A loss over ranked lists, given to the trainer of sentence-transformers."""

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

        inputs: the questions and the sources of each; labels: (sources, 2) for each list.
        """
        queries, documents = inputs
        sizes = [len(its) for its in documents]
        pairs = [
            (query, text) for query, its in zip(queries, documents, strict=True) for text in its
        ]
        scores = torch.split(self.scores(pairs), sizes)
        losses = [self.of_list(one, two.to(one)) for one, two in zip(scores, labels, strict=True)]
        return torch.stack(losses).mean()

    def scores(self, pairs: Sequence[tuple[str, str]]) -> torch.Tensor:
        """Return the logit of each pair, (pairs,); pairs of like length go together."""
        order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][0]) + len(pairs[at][1]))
        found = []
        for start in range(0, len(order), PAIRS_AT_ONCE):
            some = [pairs[at] for at in order[start : start + PAIRS_AT_ONCE]]
            tokens = self.model.preprocess(some)
            tokens = {
                name: value.to(self.model.device) if isinstance(value, torch.Tensor) else value
                for name, value in tokens.items()
            }
            found.append(self.model(tokens)["scores"].view(-1).float())
        back = torch.tensor(np.argsort(order), device=found[0].device)
        return torch.cat(found)[back]

    def of_list(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of one list."""
        raise NotImplementedError


class Distilling(ListLoss):
    """The cross-entropy of the teacher's and the student's softmax over a list."""

    def of_list(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return -(labels[:, 0].softmax(0) * scores.log_softmax(0)).sum()


class Picking(ListLoss):
    """How badly a list's scores fit what was picked: one of three losses."""

    def __init__(self, model: CrossEncoder, name: str) -> None:
        super().__init__(model)
        self.of = {"softmax": softmax_loss, "lambda": lambda_loss, "bce": bce_loss}[name]

    def of_list(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.of(scores, labels[:, 0], labels[:, 1])


def softmax_loss(scores: torch.Tensor, gains: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of the picks' gains and a softmax over the list.

    A source of weight w counts as w sources in the denominator. Sources: ListNet (Cao et al.
    2007), localized contrastive estimation (Gao et al., ECIR 2021).
    """
    counted = scores + weights.log()
    return -(gains / gains.sum() * (scores - counted.logsumexp(0))).sum()


def lambda_loss(scores: torch.Tensor, gains: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the logistic loss of each pair that should be ordered, by what a swap would cost.

    The cost is the change of nDCG with gains 2^g - 1. Source: LambdaRank as a loss
    (Wang et al., The LambdaLoss Framework, CIKM 2018).
    """
    worth = 2**gains - 1
    ranks = scores.detach().argsort(descending=True).argsort() + 1
    discounts = 1 / torch.log2(ranks + 1.0)
    places = torch.arange(len(worth), device=worth.device)
    ideal = (worth.sort(descending=True).values / torch.log2(places + 2.0)).sum()
    swaps = (worth[:, None] - worth) * (discounts[:, None] - discounts).abs() / ideal
    ordered = (gains[:, None] > gains) * weights
    return (ordered * swaps.abs() * F.softplus(scores - scores[:, None])).sum()


def bce_loss(scores: torch.Tensor, gains: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy of each source, the picks counting as much as the rest."""
    picked = gains / gains.max()
    rest = (weights * (gains == 0)).sum() / (gains > 0).sum()
    counts = torch.where(gains > 0, rest.clamp_min(1.0), weights)
    each = F.binary_cross_entropy_with_logits(scores, picked, weight=counts, reduction="sum")
    return each / counts.sum()

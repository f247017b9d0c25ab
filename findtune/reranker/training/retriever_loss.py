"""The loss that trains a retriever on lists, and the batches that it needs.

Each question comes with some documents of its own list; those of the batch's other questions are
further negatives. The target gives each of the question's own documents a share, and the loss is
the cross-entropy between it and the softmax over all documents of the batch. With one relevant
document per question it is MultipleNegativesRankingLoss (Henderson et al. 2017) with hard negatives
(Karpukhin et al. 2020); with more it is ListNet (Cao et al. 2007) with in-batch negatives.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from findtune.retrieval.encoding import Features
from findtune.training.encoding import encode_columns

SCALE = 20.0  # 1 / temperature of the softmax over cosines, as in sentence-transformers


class InBatchListLoss(torch.nn.Module):
    """ListNet over all documents of a batch; each text is encoded once, with gradients."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, columns: Sequence[Features], labels: Tensor) -> Tensor:
        """Return the mean loss of a batch.

        columns: the questions, then each question's first document, then each one's second, and so
        on. labels: the share of each document, (questions, documents); each row sums to 1.
        """
        questions, *documents = (
            normalize(vectors.float(), dim=1) for vectors in encode_columns(self.model, columns)
        )
        logits = SCALE * questions @ torch.cat(documents).T
        own = torch.eye(len(questions), device=logits.device)
        # the documents lie column by column, so question i has those at i, i + questions, ...
        targets = (labels.T.unsqueeze(1) * own).permute(1, 0, 2).flatten(1)
        return cross_entropy(logits, targets)


class CountedBatches(NoDuplicatesBatchSampler):
    """Batches without duplicates, with their true number as the length.

    The library divides the rows by the batch size. Where many rows share a text or a topic, batches
    are smaller and more, and the trainer, which stops at the length, would leave rows unread.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        # where many rows share texts, each is looked at for many batches: Arrow would be slow
        self.dataset = cast(Dataset, self.dataset.to_list())
        self.lengths: dict[int, int] = {}  # by epoch, since each one is shuffled anew

    def __len__(self) -> int:
        if self.epoch not in self.lengths:
            self.lengths[self.epoch] = 0  # while a pass is counted, which then repeats no row
            self.lengths[self.epoch] = sum(1 for _ in super().__iter__())
        return self.lengths[self.epoch]

    def __iter__(self) -> Iterator[list[int]]:
        len(self)  # first, since the count draws from the same generator
        yield from super().__iter__()


def sample_topics(dataset: Dataset, *, topics: Sequence[str], **settings: Any) -> CountedBatches:
    """Return a sampler of batches in which no text and no topic occurs twice.

    topics: the topic of each row. A document that is relevant to one question of a topic may be
    relevant to the others too, so it must not be a negative for them.
    """
    return CountedBatches(dataset.add_column("topic", list(topics)), **settings)

"""Batches of scored pairs, in a number that depends on the batches of the ranking loss."""

from collections.abc import Iterator

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler


class ScoredPairSampler(DefaultBatchSampler):
    """Yields a given number of batches of row numbers; all rows are used before any is repeated."""

    def __init__(self, pairs: int, batch_size: int, batches: int, seed: int) -> None:
        super().__init__(range(pairs), min(batch_size, pairs), drop_last=True, seed=seed)
        self.pairs, self.batches = pairs, batches

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[int]]:
        rng = torch.Generator().manual_seed(self.seed + self.epoch)
        waiting: list[int] = []
        for _ in range(self.batches):
            if len(waiting) < self.batch_size:
                order = torch.randperm(self.pairs, generator=rng).tolist()
                # rows that still wait go last, so that no batch holds a row twice
                left = set(waiting)
                waiting += [row for row in order if row not in left]
                waiting += [row for row in order if row in left]
            yield waiting[: self.batch_size]
            waiting = waiting[self.batch_size :]

"""Batches for the ranking loss: one example a variable, with its siblings beside it.

Every other text in a batch is a negative. So a variable, or a text, stands in a batch once at
most; and a variable's siblings join it, since telling those apart is what is hard. Examples of
like length share a batch, which saves padding.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

WINDOW = 16  # batches within which examples are sorted by length


@dataclass(frozen=True)
class Examples:
    """What the sampler must know of each example, by its number."""

    variables: Sequence[str]
    texts: Sequence[frozenset[str]]
    siblings: Sequence[Sequence[str]]
    lengths: Sequence[int]

    def __len__(self) -> int:
        return len(self.variables)


class VariableBatches(DefaultBatchSampler):
    """Yields the numbers of examples that may share a batch."""

    def __init__(self, examples: Examples, batch_size: int, seed: int) -> None:
        super().__init__(range(len(examples)), batch_size, drop_last=True, seed=seed)
        self.examples = examples

    def __len__(self) -> int:
        """Return how many batches there are: more where few variables can't fill one."""
        variables = len(set(self.examples.variables))
        return max(1, len(self.examples) // max(1, min(self.batch_size, variables)))

    def __iter__(self) -> Iterator[list[int]]:
        rng = torch.Generator().manual_seed(self.seed + self.epoch)
        waiting = self.with_siblings(torch.randperm(len(self.examples), generator=rng).tolist())
        batches = []
        for _ in range(len(self)):
            batch, waiting = self.filled(waiting)
            batches.append(batch)
        for at in torch.randperm(len(batches), generator=rng).tolist():
            yield batches[at]

    def with_siblings(self, order: Sequence[int]) -> list[int]:
        """Return an order in which examples of siblings follow each other."""
        ordered = self.by_length(order)
        by_variable: dict[str, list[int]] = defaultdict(list)
        for at in ordered:
            by_variable[self.examples.variables[at]].append(at)
        found: dict[int, None] = {}
        for at in ordered:
            if at not in found:
                found[at] = None
                for sibling in self.examples.siblings[at]:
                    free = (one for one in by_variable[sibling] if one not in found)
                    found.update(dict.fromkeys(list(free)[:1]))
        return list(found)

    def by_length(self, order: Sequence[int]) -> list[int]:
        """Return an order sorted by length within windows of some batches."""
        size = WINDOW * self.batch_size
        windows = (order[start : start + size] for start in range(0, len(order), size))
        return [
            at for window in windows for at in sorted(window, key=self.examples.lengths.__getitem__)
        ]

    def filled(self, waiting: list[int]) -> tuple[list[int], list[int]]:
        """Return a batch of examples that may stand together, and those that still wait."""
        batch: list[int] = []
        passed: list[int] = []
        variables: set[str] = set()
        texts: set[str] = set()
        for position, at in enumerate(waiting):
            if len(batch) == self.batch_size:
                return batch, passed + waiting[position:]
            if self.examples.variables[at] in variables or self.examples.texts[at] & texts:
                passed.append(at)
                continue
            batch.append(at)
            variables.add(self.examples.variables[at])
            texts |= self.examples.texts[at]
        return batch, passed


class ScoredBatches(DefaultBatchSampler):
    """Yields a number of batches of scored pairs, going through all of them again and again."""

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
                again = torch.randperm(self.pairs, generator=rng).tolist()
                left = set(waiting)
                waiting += [at for at in again if at not in left] + [
                    at for at in again if at in left
                ]
            yield waiting[: self.batch_size]
            waiting = waiting[self.batch_size :]

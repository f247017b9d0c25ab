"""Batches for the loss with in-batch negatives: which pairs may be negatives of each other.

In a batch, every pair's texts are negatives for every other pair. So a batch holds each variable,
and each text, at most once: otherwise a text would be a negative of its own paraphrase. The
siblings of a variable join its batch, since they make hard negatives. Pairs of similar length
share a batch, which saves padding. For picks, the question takes the place of the variable.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

from findtune.core.records import Record
from findtune.core.text import normalize

SORTING_WINDOW = 16  # batches within which pairs are sorted by length


@dataclass(frozen=True)
class PositivePairs:
    """The facts about each positive pair that decide which pairs may share a batch.

    variables: the pair's dcid; texts: its normalized texts; siblings: dcids of its hard negatives;
    lengths: characters of both texts.
    """

    variables: Sequence[str]
    texts: Sequence[frozenset[str]]
    siblings: Sequence[Sequence[str]]
    lengths: Sequence[int]

    def __len__(self) -> int:
        return len(self.variables)


def positive_pairs(records: Sequence[Record]) -> PositivePairs:
    """Return the facts about the positive records of train."""
    texts = [(record["anchor"], record["positive"]) for record in records]
    return PositivePairs(
        variables=[record["dcid"] for record in records],
        texts=[frozenset(map(normalize, pair)) for pair in texts],
        siblings=[[negative["dcid"] for negative in record["negatives"]] for record in records],
        lengths=[len(anchor) + len(positive) for anchor, positive in texts],
    )


def picked_pairs(records: Sequence[Record]) -> PositivePairs:
    """Return the facts about the picks of train; texts are its documents, picked or not."""
    return PositivePairs(
        variables=[normalize(record["query"]) for record in records],
        texts=[
            frozenset(map(normalize, (record["positive"], *record["negatives"])))
            for record in records
        ],
        siblings=[()] * len(records),
        lengths=[len(record["positive"]) for record in records],
    )


class InBatchNegativesSampler(DefaultBatchSampler):
    """Yields batches of row numbers in which no pair is a false negative of another.

    rounds: the same pairs with other partners, concatenated in the data; each epoch takes the next
    round. batches: per epoch; 0 for as many as one pass over the pairs gives.
    """

    def __init__(
        self, rounds: Sequence[PositivePairs], batch_size: int, seed: int, batches: int = 0
    ) -> None:
        super().__init__(range(sum(map(len, rounds))), batch_size, drop_last=True, seed=seed)
        self.rounds, self.batches = rounds, batches

    @property
    def round(self) -> int:
        """The number of the epoch's round."""
        return self.epoch % len(self.rounds)

    @property
    def pairs(self) -> PositivePairs:
        """The pairs of the epoch's round."""
        return self.rounds[self.round]

    def __len__(self) -> int:
        """Return the number of batches; it is higher if too few variables can fill a batch."""
        return self.batches or self.batches_per_pass()

    def batches_per_pass(self) -> int:
        """Return the number of batches in one pass, at least one."""
        variables = len(set(self.pairs.variables))
        return max(1, len(self.pairs) // max(1, min(self.batch_size, variables)))

    def __iter__(self) -> Iterator[list[int]]:
        return islice(self.endless_batches(), len(self))

    def endless_batches(self) -> Iterator[list[int]]:
        """Yield the batches of one pass after another."""
        rng = torch.Generator().manual_seed(self.seed + self.epoch)
        first_row = self.round * len(self.pairs)
        while True:
            waiting = self.group_siblings(torch.randperm(len(self.pairs), generator=rng).tolist())
            batches = []
            for _ in range(self.batches_per_pass()):
                batch, waiting = self.fill_without_false_negatives(waiting)
                batches.append(batch)
            for number in torch.randperm(len(batches), generator=rng).tolist():
                yield [first_row + row for row in batches[number]]

    def group_siblings(self, order: Sequence[int]) -> list[int]:
        """Return the rows in an order in which each row is followed by one row per sibling."""
        by_length = self.sort_by_length(order)
        by_variable: dict[str, list[int]] = defaultdict(list)
        for row in by_length:
            by_variable[self.pairs.variables[row]].append(row)
        grouped: dict[int, None] = {}
        for row in by_length:
            if row not in grouped:
                grouped[row] = None
                for sibling in self.pairs.siblings[row]:
                    free = (other for other in by_variable[sibling] if other not in grouped)
                    grouped.update(dict.fromkeys(list(free)[:1]))
        return list(grouped)

    def sort_by_length(self, order: Sequence[int]) -> list[int]:
        """Return the rows sorted by length within windows of a few batches."""
        size = SORTING_WINDOW * self.batch_size
        windows = (order[start : start + size] for start in range(0, len(order), size))
        return [
            row for window in windows for row in sorted(window, key=self.pairs.lengths.__getitem__)
        ]

    def fill_without_false_negatives(self, waiting: list[int]) -> tuple[list[int], list[int]]:
        """Return a batch without false negatives, and the remaining rows."""
        batch: list[int] = []
        skipped: list[int] = []
        variables: set[str] = set()
        texts: set[str] = set()
        for position, row in enumerate(waiting):
            if len(batch) == self.batch_size:
                return batch, skipped + waiting[position:]
            if self.pairs.variables[row] in variables or self.pairs.texts[row] & texts:
                skipped.append(row)
                continue
            batch.append(row)
            variables.add(self.pairs.variables[row])
            texts |= self.pairs.texts[row]
        return batch, skipped

"""Batches of scored pairs go through all pairs again and again."""

import pytest

from findtune.embedder.training.scored_batches import ScoredPairSampler


@pytest.mark.parametrize("batch_size", [2, 3, 4, 7, 10, 64])
def test_all_pairs_are_seen_before_one_is_repeated_and_no_batch_repeats_one(
    batch_size: int,
) -> None:
    sampler = ScoredPairSampler(10, batch_size, batches=20, seed=1)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 20
    assert all(len(batch) == min(batch_size, 10) == len(set(batch)) for batch in batches)
    rows = sum(batches, [])
    for start in range(0, len(rows) - 9, 10):
        assert sorted(rows[start : start + 10]) == list(range(10))


def test_the_order_changes_with_the_epoch_and_repeats_with_the_seed() -> None:
    first, same, next_epoch = (ScoredPairSampler(30, 4, batches=7, seed=1) for _ in range(3))
    next_epoch.set_epoch(1)
    assert list(first) == list(same)
    assert list(first) != list(next_epoch)

"""A batch holds no false negatives, and siblings share a batch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.embedder.training.in_batch_negatives import (
    InBatchNegativesSampler,
    PositivePairs,
    picked_pairs,
    positive_pairs,
)


def pairs_of(*descriptions: str, **fields: Any) -> PositivePairs:
    """Return pairs from "variable text text"."""
    words = [description.split() for description in descriptions]
    plain = {"siblings": [[]] * len(words), "lengths": [1] * len(words)}
    texts = [frozenset(texts) for _, *texts in words]
    return PositivePairs(variables=[word[0] for word in words], texts=texts, **plain | fields)


def batches_of(sampler: InBatchNegativesSampler, epoch: int = 0) -> list[list[int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


SIXTEEN = [f"variable{row} anchor{row} positive{row}" for row in range(16)]
PAIR = st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9))
REPETITIVE = st.lists(PAIR.map("v{0[0]} t{0[1]} t{0[2]}".format), min_size=2, max_size=60)


def test_the_facts_of_a_pair_are_its_variable_texts_siblings_and_length() -> None:
    negatives = [{"dcid": "v/women"}, {"dcid": "v/youth"}]
    record = {"dcid": "v/men", "anchor": "Lads!", "positive": "MEN", "negatives": negatives}
    assert positive_pairs([record]) == PositivePairs(
        ["v/men"], [frozenset(["lads", "men"])], [["v/women", "v/youth"]], [8]
    )


@given(descriptions=REPETITIVE, batch_size=st.integers(2, 8), seed=st.integers(0, 100))
def test_an_epoch_repeats_no_pair_and_a_batch_repeats_no_variable_and_no_text(
    descriptions: list[str], batch_size: int, seed: int
) -> None:
    pairs = pairs_of(*descriptions)
    sampler = InBatchNegativesSampler([pairs], batch_size, seed)
    batches = list(sampler)
    expected = max(1, len(descriptions) // min(batch_size, len(set(pairs.variables))))
    assert len(batches) == len(sampler) == expected
    variables = [[pairs.variables[row] for row in batch] for batch in batches]
    texts = [[text for row in batch for text in pairs.texts[row]] for batch in batches]
    for group in (sum(batches, []), *variables, *texts):
        assert len(group) == len(set(group))
    assert all(1 <= len(batch) <= batch_size for batch in batches)


@pytest.mark.parametrize("shape", [(16, 1, 4), (3, 20, 16), (8, 8, 16), (1, 5, 16)])
def test_every_pair_is_used_where_no_text_repeats(shape: tuple[int, int, int]) -> None:
    variables, texts_each, batch_size = shape
    size = variables * texts_each
    pairs = pairs_of(*(f"v{row % variables} text{row}" for row in range(size)))
    assert sorted(sum(InBatchNegativesSampler([pairs], batch_size, seed=1), [])) == list(
        range(size)
    )


@pytest.mark.parametrize("epoch", range(5))
def test_siblings_of_a_variable_share_its_batch(epoch: int) -> None:
    siblings = [[f"variable{(row + 8) % 16}"] for row in range(16)]
    sampler = InBatchNegativesSampler([pairs_of(*SIXTEEN, siblings=siblings)], 4, seed=1)
    for batch in batches_of(sampler, epoch):
        assert {(row + 8) % 16 for row in batch} == set(batch)


def test_each_epoch_takes_the_next_round_of_pairs() -> None:
    rounds = [pairs_of(*(f"v{row} a{row} {word}{row}" for row in range(8))) for word in "xyz"]
    sampler = InBatchNegativesSampler(rounds, 4, seed=1)
    assert len(sampler) == 2
    for epoch, number in enumerate([0, 1, 2, 0]):
        rows = sum(batches_of(sampler, epoch), [])
        assert sorted(rows) == [*range(8 * number, 8 * number + 8)]
    alone = InBatchNegativesSampler(rounds[:1], 4, seed=1)
    assert batches_of(alone, 0) == batches_of(sampler, 0)


def test_pairs_of_similar_length_share_a_batch() -> None:
    lengths = [row % 2 * 100 for row in range(16)]
    for batch in InBatchNegativesSampler([pairs_of(*SIXTEEN, lengths=lengths)], 4, seed=1):
        assert len({lengths[row] for row in batch}) == 1


def test_every_epoch_and_seed_has_an_order_of_its_own_that_can_be_repeated() -> None:
    pairs = pairs_of(*SIXTEEN)
    first, same, other = (InBatchNegativesSampler([pairs], 4, seed) for seed in (1, 1, 2))
    epochs = [batches_of(first, epoch) for epoch in range(3)]
    assert epochs == [batches_of(same, epoch) for epoch in range(3)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert batches_of(other) != epochs[0]


def test_picks_that_share_a_question_or_a_document_are_in_different_batches() -> None:
    records = [
        {"query": query, "positive": positive, "negatives": [negative]}
        for query, positive, negative in (("q", "a", "b"), ("Q!", "c", "d"), ("r", "e", "A"))
    ]
    sampler = InBatchNegativesSampler([picked_pairs(records)], 2, seed=1, batches=40)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 40
    assert {tuple(sorted(batch)) for batch in batches} <= {(0,), (1, 2)}
    assert {row for batch in batches for row in batch} == {0, 1, 2}

"""A batch never holds what would be a false negative, and brings siblings together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune.batches import Examples, ScoredBatches, VariableBatches


def examples(*told: str) -> Examples:
    """Return examples from "variable text text", each with a length and no siblings."""
    split = [words.split() for words in told]
    return Examples(
        variables=[variable for variable, *_ in split],
        texts=[frozenset(texts) for _, *texts in split],
        siblings=[[] for _ in told],
        lengths=[len(words) for words in told],
    )


def batches_of(sampler: VariableBatches | ScoredBatches, epoch: int = 0) -> list[list[int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


SIXTEEN = examples(*(f"variable{at} anchor{at} positive{at}" for at in range(16)))
REPEATING = st.lists(
    st.builds(
        lambda variable, one, two: f"v{variable} t{one} t{two}",
        st.integers(0, 5),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    min_size=2,
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(told=REPEATING, batch_size=st.integers(2, 8), seed=st.integers(0, 100))
def test_no_variable_and_no_text_stands_in_a_batch_twice(
    told: list[str], batch_size: int, seed: int
) -> None:
    known = examples(*told)
    for batch in VariableBatches(known, batch_size, seed):
        variables = [known.variables[at] for at in batch]
        texts = [text for at in batch for text in known.texts[at]]
        assert len(variables) == len(set(variables))
        assert len(texts) == len(set(texts))


@settings(max_examples=100, deadline=None)
@given(told=REPEATING, batch_size=st.integers(2, 8))
def test_an_epoch_has_the_promised_number_of_batches_and_no_example_twice(
    told: list[str], batch_size: int
) -> None:
    sampler = VariableBatches(examples(*told), batch_size, seed=1)
    batches = list(sampler)
    used = [at for batch in batches for at in batch]
    variables = len(set(sampler.examples.variables))
    wanted = max(1, len(told) // max(1, min(batch_size, variables)))
    assert len(batches) == len(sampler) == wanted
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert len(used) == len(set(used))


def test_every_example_is_used_where_nothing_repeats() -> None:
    assert sorted(sum(VariableBatches(SIXTEEN, 4, seed=1), [])) == list(range(16))


@pytest.mark.parametrize(("variables", "each"), [(3, 20), (8, 8), (1, 5)])
def test_few_variables_with_many_texts_are_all_learned(variables: int, each: int) -> None:
    told = Examples(
        variables=[f"v{at % variables}" for at in range(variables * each)],
        texts=[frozenset([f"text {at}"]) for at in range(variables * each)],
        siblings=[[]] * (variables * each),
        lengths=[1] * (variables * each),
    )
    used = sum(VariableBatches(told, 16, seed=1), [])
    assert sorted(used) == list(range(variables * each))


@pytest.mark.parametrize("epoch", range(5))
def test_siblings_of_one_variable_share_a_batch(epoch: int) -> None:
    couples = Examples(
        variables=SIXTEEN.variables,
        texts=SIXTEEN.texts,
        siblings=[[f"variable{(at + 8) % 16}"] for at in range(16)],
        lengths=[0] * 16,
    )
    for batch in batches_of(VariableBatches(couples, 4, seed=1), epoch):
        assert {(at + 8) % 16 for at in batch} == set(batch)


def test_examples_of_like_length_share_a_batch() -> None:
    lengths = [at % 2 * 100 for at in range(16)]
    short_and_long = Examples(SIXTEEN.variables, SIXTEEN.texts, SIXTEEN.siblings, lengths)
    for batch in VariableBatches(short_and_long, 4, seed=1):
        assert len({lengths[at] for at in batch}) == 1


def test_every_epoch_has_another_order_and_the_same_seed_the_same() -> None:
    one, two, other = (VariableBatches(SIXTEEN, 4, seed) for seed in (1, 1, 2))
    epochs = [batches_of(one, epoch) for epoch in range(3)]
    assert epochs == [batches_of(two, epoch) for epoch in range(3)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert batches_of(other) != epochs[0]


@pytest.mark.parametrize("batch_size", [2, 3, 4, 7, 10])
def test_all_scored_pairs_are_seen_before_one_is_seen_again(batch_size: int) -> None:
    drawn = [at for batch in ScoredBatches(10, batch_size, batches=20, seed=1) for at in batch]
    for start in range(0, len(drawn) - 9, 10):
        assert sorted(drawn[start : start + 10]) == list(range(10))


@pytest.mark.parametrize("batch_size", [3, 4, 7, 10])
def test_no_scored_pair_stands_in_a_batch_twice(batch_size: int) -> None:
    for batch in ScoredBatches(10, batch_size, batches=20, seed=1):
        assert len(batch) == batch_size == len(set(batch))


def test_as_many_scored_batches_come_as_are_asked_for() -> None:
    sampler = ScoredBatches(10, 4, batches=7, seed=1)
    assert len(list(sampler)) == len(sampler) == 7


def test_fewer_scored_pairs_than_a_batch_make_a_smaller_one() -> None:
    batches = list(ScoredBatches(3, 64, batches=2, seed=1))
    assert [sorted(batch) for batch in batches] == [[0, 1, 2], [0, 1, 2]]


def test_scored_pairs_come_in_another_order_every_epoch_and_the_same_for_a_seed() -> None:
    one, two = (ScoredBatches(30, 4, batches=7, seed=1) for _ in range(2))
    assert batches_of(one, 0) == batches_of(two, 0)
    assert batches_of(one, 0) != batches_of(one, 1)

"""Folds hold equal numbers of groups, and no group is torn apart."""

from collections import Counter

import pytest

from findtune.training.folds import fold_numbers


@pytest.mark.parametrize(("number", "sizes"), [(2, [1, 1]), (3, [1, 1, 1]), (8, [2, 3, 3])])
def test_even_few_groups_are_spread_over_the_folds(number: int, sizes: list[int]) -> None:
    for salt in range(20):  # two hashed groups would share one of three folds in a third of cases
        groups = [f"{salt} {group}" for group in range(number)]
        folds = fold_numbers(groups, 3).tolist()
        assert sorted(Counter(folds).values()) == sizes
        assert fold_numbers([*reversed(groups)], 3).tolist() == folds[::-1]


def test_a_group_has_one_fold() -> None:
    groups = [f"{number}" for number in range(40)]
    folds = fold_numbers([*groups, *groups], 5).tolist()
    assert set(Counter(folds).values()) == {16}
    assert folds[:40] == folds[40:]

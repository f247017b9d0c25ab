"""The split of an item follows from its own key, and no two splits share anything."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from findtune.core.errors import InputError
from findtune.examples.splits import SPLITS, SplitShares, assign_split, leak_report

SHARES = SplitShares(dev=0.08, test=0.2, fold=0)


def split_of(key: str, fold: int = 0) -> str:
    return assign_split(key, SHARES.model_copy(update={"fold": fold}))


@pytest.mark.parametrize(
    ("fold", "expected"), [(0, ["test", "dev", "train"]), (1, ["train", "test", "train"])]
)
def test_the_split_is_the_same_on_every_machine_and_shifts_with_the_fold(
    fold: int, expected: list[str]
) -> None:
    # The hashes of these keys are at 0.17, 0.24 and 0.73 of the unit interval.
    assert [split_of(key, fold) for key in ("foo", "b", "abc")] == expected


@given(key=st.text(st.characters(codec="utf-8")))
@example(key="")
def test_five_folds_test_every_key_once(key: str) -> None:
    splits = [split_of(key, fold) for fold in range(5)]
    assert splits.count("test") == 1
    assert set(splits) <= set(SPLITS)


def test_the_splits_have_about_the_shares_asked_for() -> None:
    counts = Counter(split_of(f"variable/{number}") for number in range(5000))
    assert counts["test"] / 5000 == pytest.approx(0.2, abs=0.02)
    assert counts["dev"] / 5000 == pytest.approx(0.08, abs=0.015)
    assert counts["train"] / 5000 == pytest.approx(0.72, abs=0.02)


def test_a_dev_share_of_zero_leaves_dev_empty() -> None:
    shares = SplitShares(dev=0, test=0.2, fold=0)
    assert {assign_split(str(number), shares) for number in range(500)} == {"train", "test"}


def test_the_leak_report_of_separate_splits_is_all_zeros() -> None:
    separate = {"train": {"a", "b"}, "dev": {"c"}, "test": set[str]()}
    zeros = {"train and dev": 0, "train and test": 0, "dev and test": 0}
    report = leak_report({"texts": separate, "variables": separate})
    assert report == {"texts": zeros, "variables": zeros}


@pytest.mark.parametrize(
    ("first", "second"), [("train", "dev"), ("train", "test"), ("dev", "test")]
)
def test_a_leak_is_refused(first: str, second: str) -> None:
    separate = {name: {name} for name in SPLITS}
    leaking = {name: {name, "leaked"} if name in (first, second) else {name} for name in SPLITS}
    with pytest.raises(InputError, match=rf"'texts'.*'{first} and {second}': 1") as error:
        leak_report({"variables": separate, "texts": leaking})
    assert "variables" not in str(error.value)

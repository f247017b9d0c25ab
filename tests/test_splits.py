"""What is train, dev or test follows from an item's own key, and no two parts share anything."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from findtune.errors import InputError
from findtune.splits import PARTS, Shares, certificate, fold, near, part

SHARES = Shares(dev=0.08, test=0.2, fold=0)
KEYS = st.lists(st.text(st.characters(codec="utf-8")), unique=True, max_size=30)


def parts(keys: list[str], shares: Shares = SHARES) -> dict[str, str]:
    """Return the part of each key."""
    return {key: part(key, shares) for key in keys}


@given(old=KEYS, new=KEYS)
def test_a_new_key_never_moves_an_old_one(old: list[str], new: list[str]) -> None:
    before = parts(old)
    after = parts([*new, *old])
    assert {key: after[key] for key in old} == before


def test_the_part_of_a_key_is_the_same_on_every_machine() -> None:
    # SHA-256 of these begins with 0x2c, 0x3e and 0xba: 0.17, 0.24 and 0.73 of the way.
    assert parts(["foo", "b", "abc"]) == {"foo": "test", "b": "dev", "abc": "train"}


def test_the_next_fold_tests_what_comes_next() -> None:
    second = parts(["foo", "b", "abc"], SHARES.model_copy(update={"fold": 1}))
    assert second == {"foo": "train", "b": "test", "abc": "train"}


@given(key=st.text(st.characters(codec="utf-8")))
@example(key="")
def test_five_folds_test_every_key_once(key: str) -> None:
    told = [part(key, SHARES.model_copy(update={"fold": fold})) for fold in range(5)]
    assert told.count("test") == 1


@given(key=st.text(st.characters(codec="utf-8")), number=st.integers(0, 4))
def test_every_key_has_a_part_in_every_fold(key: str, number: int) -> None:
    assert part(key, SHARES.model_copy(update={"fold": number})) in PARTS


def test_the_parts_have_about_the_shares_asked_for() -> None:
    counts = Counter(parts([f"variable/{number}" for number in range(5000)]).values())
    assert counts["test"] / 5000 == pytest.approx(0.2, abs=0.02)
    assert counts["dev"] / 5000 == pytest.approx(0.08, abs=0.015)
    assert counts["train"] / 5000 == pytest.approx(0.72, abs=0.02)


def test_no_dev_share_leaves_dev_empty() -> None:
    shares = Shares(dev=0, test=0.2, fold=0)
    assert set(parts([str(number) for number in range(500)], shares).values()) == {"train", "test"}


@pytest.mark.parametrize("text", ["BIRTH rate", "birth  rate ", "Birth-rate!", "ｂｉｒｔｈ rate"])
def test_case_width_spaces_and_marks_do_not_count(text: str) -> None:
    assert fold(text) == "birth rate"


def test_letters_that_only_small_letters_have_do_not_count() -> None:
    assert fold("Straße") == fold("STRASSE")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Unemployed Men", "unemployed men"),
        ("birth rate", "birth rates"),
        ("rate of births", "birth rate"),
        ("the population of a city", "city population"),
        ("households, renting", "renting households"),
        ("people aged 15 to 24", "people, aged 15-24"),
    ],
)
def test_texts_that_say_the_same_are_near(one: str, two: str) -> None:
    assert near(one) == near(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("unemployed men", "unemployed women"),
        ("male population", "female population"),
        ("people aged 15 to 24", "people aged 25 to 34"),
        ("birth rate", "death rate"),
        ("under 5", "over 5"),
        ("imports of tea", "exports of tea"),
        ("with a job", "without a job"),
    ],
)
def test_siblings_are_not_near(one: str, two: str) -> None:
    assert near(one) != near(two)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_other_numbers_are_never_near(one: int, two: int) -> None:
    assert (near(f"people aged {one}") == near(f"people aged {two}")) == (one == two)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("growth of 1.5", "growth of 5.1"),
        ("growth of 1.5", "growth of 15"),
        ("income <10000", "income >10000"),
        ("income < 10,000", "income > 10,000"),
        ("income of 1,000", "income of 1,000,000"),
        ("गरीबी दर", "गरीब दर"),
        ("चावल की कीमत", "चावल का कीमत"),
    ],
)
def test_a_number_a_limit_and_a_vowel_make_another_text(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert near(one) != near(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("over 1,000 men", "Over 1000 men."), ("<b>tea</b>", "b tea b"), ("age 5-9", "age 5 9")],
)
def test_what_nobody_sees_makes_no_other_text(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.permutations(["tea", "prices", "the", "green", "cities", "in"]))
def test_the_order_of_words_does_not_count(words: list[str]) -> None:
    assert near(" ".join(words)) == near("green tea prices in the cities")


@pytest.mark.parametrize("text", ["the", "To be or not", "A and the", "%"])
def test_texts_of_only_small_words_stay_apart_from_others(text: str) -> None:
    assert near(text) == near(text.upper())
    assert near(text) != near("of")


def test_a_certificate_of_parts_that_share_nothing_is_all_zeros() -> None:
    apart = {"train": {"a", "b"}, "dev": {"c"}, "test": set[str]()}
    assert certificate({"texts": apart, "variables": apart}) == {
        what: {"train and dev": 0, "train and test": 0, "dev and test": 0}
        for what in ("texts", "variables")
    }


@pytest.mark.parametrize(("one", "two"), [("train", "dev"), ("train", "test"), ("dev", "test")])
def test_a_certificate_of_a_leak_is_refused(one: str, two: str) -> None:
    held = {name: {name} for name in PARTS}
    held[one] |= {"leaked"}
    held[two] |= {"leaked"}
    with pytest.raises(InputError, match=rf"'texts'.*'{one} and {two}': 1"):
        certificate({"variables": {name: {name} for name in PARTS}, "texts": held})


@given(
    train=st.frozensets(st.integers(0, 20).map(str)),
    dev=st.frozensets(st.integers(10, 30).map(str)),
    test=st.frozensets(st.integers(20, 40).map(str)),
)
def test_a_certificate_is_given_only_where_nothing_is_shared(
    train: frozenset[str], dev: frozenset[str], test: frozenset[str]
) -> None:
    clean = not (train & dev or train & test or dev & test)
    try:
        certificate({"texts": {"train": train, "dev": dev, "test": test}})
    except InputError:
        assert not clean
    else:
        assert clean

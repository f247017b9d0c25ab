"""Texts that people take for the same share a key; texts that differ in a fact do not."""

import pytest

from findtune.core.text import content_stems, hash_fraction, near_duplicate_key, normalize


@pytest.mark.parametrize(
    ("left", "right"),
    [("BIRTH rate", "birth rate"), ("birth  rate ", "birth rate"), ("Birth-rate!", "birth rate")]
    + [("ｂｉｒｔｈ rate", "birth rate"), ("Straße", "STRASSE"), ("age 5-9", "age 5 9")]
    + [("over 1,000 men", "Over 1000 men."), ("<b>tea</b>", "b tea b")],
)
def test_case_width_spaces_and_punctuation_do_not_count(left: str, right: str) -> None:
    assert normalize(left) == normalize(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("Unemployed Men", "unemployed men"), ("birth rate", "birth rates")]
    + [("rate of births", "birth rate"), ("the population of a city", "city population")]
    + [("green tea prices in the cities", "the cities in prices: tea, green")]
    + [("people aged 15 to 24", "people, aged 15-24")],
)
def test_near_duplicates_share_a_key(left: str, right: str) -> None:
    assert near_duplicate_key(left) == near_duplicate_key(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("unemployed men", "unemployed women"), ("male population", "female population")]
    + [("people aged 15 to 24", "people aged 25 to 34"), ("birth rate", "death rate")]
    + [("under 5", "over 5"), ("imports of tea", "exports of tea")]
    + [("with a job", "without a job"), ("growth of 1.5", "growth of 5.1")]
    + [("growth of 1.5", "growth of 15"), ("income <10000", "income >10000")]
    + [("income < 10,000", "income > 10,000"), ("income of 1,000", "income of 1,000,000")]
    + [("गरीबी दर", "गरीब दर"), ("चावल की कीमत", "चावल का कीमत")],
)
def test_texts_that_differ_in_a_fact_have_different_keys(left: str, right: str) -> None:
    assert normalize(left) != normalize(right)
    assert near_duplicate_key(left) != near_duplicate_key(right)


@pytest.mark.parametrize("text", ["the", "To be or not", "A and the", "%"])
def test_texts_of_stopwords_only_have_keys_of_their_own(text: str) -> None:
    assert near_duplicate_key(text) == near_duplicate_key(text.upper())
    assert near_duplicate_key(text) != near_duplicate_key("of")


def test_content_stems_keep_the_order_and_repeated_words() -> None:
    stems = content_stems("The Prices of  WHEAT, priced in 2019!")
    assert stems == ["price", "wheat", "price", "2019"]
    assert content_stems("of the; and") == content_stems("") == []


def test_the_hash_of_a_key_is_the_same_on_every_machine() -> None:
    fractions = [hash_fraction(key) * 2**16 for key in ("foo", "b", "abc")]
    assert list(map(int, fractions)) == [0x2C26, 0x3E23, 0xBA78]  # the first bytes of SHA-256

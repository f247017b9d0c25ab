"""Texts that people take for the same share a key; texts that differ in a fact do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.core.text import (
    all_keys,
    content_stems,
    hash_fraction,
    key_piece,
    loose_key,
    near_duplicate_key,
    normalize,
    words,
)


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
    + [("people aged 15 to 24", "people, aged 15-24")]
    + [("2018年北京有多少住房？", "北京2018年住房有多少")]
    + [("日本の失業率は？", "日本 失業率"), ("ประชากรไทย ๒๕๖๓", "ประชากรไทย 2563?")]
    + [("İSTANBUL NÜFUSU", "istanbul nüfusu"), ("سكان مصر ٢٠٢٠", "2020 سكان مصر")],
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
    + [("2018年北京住房", "2019年北京住房"), ("日本の失業率", "日本の出生率")]
    + [("インドの輸出", "ドイツの輸出"), ("ประชากรไทย", "ประชากรลาว"), ("서울 인구", "부산 인구")]
    + [("गरीबी दर", "गरीब दर"), ("चावल की कीमत", "चावल का कीमत")],
)
def test_texts_that_differ_in_a_fact_have_different_keys(left: str, right: str) -> None:
    assert normalize(left) != normalize(right)
    assert near_duplicate_key(left) != near_duplicate_key(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("日本の失業率は？", "日本 失業率")]
    # Accents, vowel marks and characters of no width, which people write or not.
    + [("population of México", "Mexico population"), ("taux de chômage", "taux de chomage")]
    + [("Tasas de pobreza en Perú", "tasas de pobreza en PERU"), ("Łódź", "lodz")]
    + [("Bevölkerung von Köln", "bevolkerung von koln"), ("Αθήνα", "ΑΘΗΝΑ"), ("ёлки", "елки")]
    + [("Befolkningen i København", "befolkningen i kobenhavn"), ("Me\u0301xico", "mexico")]
    + [("عَدَد السكان", "عدد السكان"), ("مصــر", "مصر"), ("أسعار الخبز", "اسعار الخبز")]
    + [("ประชากร\u200bไทย", "ประชากรไทย"), ("می\u200cخواهم", "میخواهم"), ("שָׁלוֹם", "שלום")]
    # Korean particles, and the word for a year.
    + [("서울의 인구는?", "서울 인구"), ("서울 인구가", "서울은 인구")]
    + [("부산의 실업률은 얼마입니까", "부산 실업률이 얼마인가요?")]
    + [("2020년 서울 인구", "서울 인구 2020"), ("2020년에 서울에서의 인구", "서울 인구 2020년")]
    + [("민주주의의 역사", "민주주의 역사"), ("전문가가 본 국가의 물가", "전문가 본 국가 물가")],
)
def test_spellings_of_one_question_share_a_loose_key(left: str, right: str) -> None:
    assert loose_key(left) == loose_key(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("under 5", "over 5"), ("income <10000", "income >10000"), ("1.5 año", "15 año")]
    # Marks that make other words: Vietnamese tones, the Russian й, Thai and Japanese vowels.
    + [("tỷ lệ nam", "tỷ lệ năm"), ("мой", "мои"), ("ข้าวไทย", "ขาวไทย"), ("くし", "ぐし")]
    + [("한국 인구", "한 인구"), ("10000명 도시", "10001명 도시"), ("2020명", "2020년")]
    + [("오백만 가구", "오백 가구"), ("국가 부채", "국 부채"), ("증가율", "증율"), ("아이", "아")],
)
def test_texts_that_differ_in_a_fact_have_different_loose_keys(left: str, right: str) -> None:
    assert loose_key(left) != loose_key(right)


def test_the_loose_key_of_an_english_text_is_its_key() -> None:
    text = "Rents of the cities <2,000, in 2019!"
    assert loose_key(text) == near_duplicate_key(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [("salariés", "salariées"), ("población de México", "poblacion de Mexico"), ("rents", "rent")],
)
def test_nearly_equal_texts_share_a_key(left: str, right: str) -> None:
    assert all_keys(left) & all_keys(right)
    assert not all_keys(left) & all_keys("the price of bread")


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018年北京有GDP多少", ["2018", "年北京有", "GDP", "多少"]),
        ("１，０００円で1.5%", ["1000", "円で", "1.5"]),
        ("ชาย๒๕๖๓คน", ["ชาย", "2563", "คน"]),
        ("العام ٢٠٢٠", ["العام", "2020"]),
    ],
)
def test_numbers_and_other_scripts_end_a_word_of_a_script_without_spaces(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("失業率", ["失", "業", "率", "失業", "業率"]),
        ("京", ["京"]),
        ("ชา", ["ชา"]),
        ("ข้าว", ["ข้า", "าว", "ข้าว"]),  # marks stay at their letters
        ("서울의", ["서", "울", "의", "서울", "울의"]),
        ("GDP増", ["gdp", "増"]),
    ],
)
def test_scripts_without_spaces_are_searched_by_letters_and_their_neighbours(
    text: str, expected: list[str]
) -> None:
    assert content_stems(text) == expected


STEMS = ["educat", "employ", "hop", "cry", "happi", "general", "w1234", "population", "dy", "ski"]
ENDINGS = ["", "s", "e", "es", "ed", "ing", "ion", "ional", "y", "ies", "ly", "ment", "ful", "ness"]
ENDINGS += ["iveness", "izer", "ization", "'s", "able", "ogist", "ously", "ability", "ying", "2"]
SPELLED = st.builds("{}{}".format, st.sampled_from(STEMS), st.sampled_from(ENDINGS))


@given(st.lists(SPELLED, min_size=1, max_size=2), st.lists(SPELLED, min_size=1, max_size=2))
def test_texts_of_one_key_have_each_others_piece(left: list[str], right: list[str]) -> None:
    first, second = " of ".join(left), "The " + ", ".join(right)
    if near_duplicate_key(first) == near_duplicate_key(second):
        assert key_piece(first) in second.lower()
        assert key_piece(second.lower()) in first


def test_a_piece_tells_most_texts_apart_and_none_is_known_of_other_scripts() -> None:
    assert key_piece("the unemployment rate") == "unempl"
    assert key_piece("失業率 of unemployment") == key_piece("a tea") == ""

"""Entities: a rewrite may say all in other words, but the numbers, years and names stay."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from findtune.entities import entities, keeps, names_in, words

NONE: frozenset[str] = frozenset()
NAMES = frozenset({"kenya", "nairobi", "who"})

# Names, as sources write them


def test_a_word_that_has_a_capital_within_sentences_is_a_name() -> None:
    texts = ["The rents of Nairobi rose.", "Who pays for it in Nairobi?"]
    assert names_in(texts) == {"nairobi"}


def test_a_capital_seen_once_is_no_name_yet() -> None:
    assert names_in(["The rents of Nairobi rose."]) == NONE


@pytest.mark.parametrize("sign", [".", "!", "?", ":", ";", "\n"])
def test_a_capital_that_begins_a_sentence_says_nothing(sign: str) -> None:
    assert names_in([f"it rained{sign} Bread rose", f"it snowed{sign} Bread fell"]) == NONE


def test_a_word_that_also_stands_in_small_letters_is_no_name() -> None:
    capitals = ["They met in May and left."] * 8
    assert names_in(capitals) == {"may"}
    assert names_in([*capitals, "it may rain"]) == NONE  # 8 of 9 are too few
    assert names_in([*capitals, *capitals, "it may rain"]) == {"may"}


@pytest.mark.parametrize(
    "text",
    [
        "Rents Of Nairobi And Kisumu",
        "RENTS OF NAIROBI, 2019",
        "In Nairobi",
        "Rents in Nairobi Town",
    ],
)
def test_a_text_of_which_most_words_have_capitals_says_nothing(text: str) -> None:
    assert names_in([text] * 5) == NONE


def test_a_shouted_sentence_does_not_silence_the_next_one() -> None:
    assert names_in(["Rents Of Kisumu. The rents of Nairobi rose."] * 2) == {"nairobi"}


def test_letters_alone_and_numbers_are_no_names() -> None:
    assert names_in(["what am I to do with vitamin C in 2019 and after that"] * 3) == NONE


@pytest.mark.parametrize("text", ["", " ", "...", "☕ 🍵", "お茶の値段", "كم شاي؟", "12 in 2019"])
def test_a_text_without_capitals_has_no_names(text: str) -> None:
    assert names_in([text] * 3) == NONE


def test_no_texts_have_no_names() -> None:
    assert names_in([]) == NONE


def test_names_of_every_script_that_has_capitals_are_found() -> None:
    texts = ["цены в городе Казань растут", "οι τιμές στην Αθήνα ανεβαίνουν", "el pan en Perú sube"]
    assert names_in(texts * 2) == {"казань", "αθήνα", "perú"}


# What of a question must stay


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("rents in 2019", {"2019"}),
        ("covid19 deaths of the under 5s", {"covid19", "5s"}),
        ("more than 1,000 or 2.5 %", {"1000", "2.5"}),
        ("over 1,234,567.8 in all, 12,5 of 1,2,3", {"1234567.8", "12,5", "1", "2,3"}),
        ("the 1,000s of 2019. 5 more", {"1000", "2019", "5"}),
        ("the ２０１９ census", {"2019"}),
        ("سكان ٢٠١٩", {"٢٠١٩"}),
        ("人口 2019年", {"2019年"}),
        ("how many of them?", set()),
        ("", set()),
        ("☕ 👩‍👩‍👧", set()),
    ],
)
def test_numbers_and_years_must_stay(question: str, found: set[str]) -> None:
    assert entities(question, NONE) == found


def test_a_name_must_stay_though_it_was_asked_in_small_letters() -> None:
    assert entities("rents in nairobi, kenya", NAMES) == {"nairobi", "kenya"}
    assert entities("nairobi rents", NAMES) == {"nairobi"}
    assert entities("NAIROBI", NAMES) == {"nairobi"}
    assert entities("rents in nairobi", NONE) == set()


def test_a_name_that_no_source_has_must_stay_where_it_has_a_capital() -> None:
    assert entities("What do rents cost in Kisumu?", NONE) == {"kisumu"}
    assert entities("how much am I to pay", NONE) == set()


@pytest.mark.parametrize("question", ["Rents Of Kisumu", "RENTS IN KISUMU", "How many?"])
def test_a_question_that_begins_or_shouts_with_capitals_says_nothing(question: str) -> None:
    assert entities(question, NONE) == set()


# What a rewrite keeps


@pytest.mark.parametrize(
    ("rewrite", "wanted"),
    [
        ("anything", set()),
        ("", set()),
        ("Rents: NAIROBI, 2019", {"2019", "nairobi"}),
        ("kenyan rents", {"kenya"}),
        ("rents of Kenya", {"kenyan"}),
        ("Kenya's rents", {"kenya"}),
        ("pensioner rents", {"pensioners"}),
        ("lao rents", {"laos"}),
        ("the ２０１９ census", {"2019"}),
        ("人口 2019年", {"2019年"}),
    ],
)
def test_an_entity_is_kept_be_it_in_another_form(rewrite: str, wanted: set[str]) -> None:
    assert keeps(rewrite, wanted, NONE)


@pytest.mark.parametrize(
    ("rewrite", "wanted"),
    [
        ("", {"2019"}),
        ("rents in 2018", {"2019"}),
        ("rents in 20190", {"2019"}),
        ("rents in 201", {"2019"}),
        ("rents of Uganda", {"kenya"}),
        ("rents in nairobi", {"2019", "nairobi"}),
        ("used rents", {"us"}),  # too short to have another form
        ("☕", {"kenya"}),
    ],
)
def test_a_rewrite_without_an_entity_does_not_keep_it(rewrite: str, wanted: set[str]) -> None:
    assert not keeps(rewrite, wanted, NONE)


@given(question=st.text(max_size=40), names=st.frozensets(st.text(max_size=5), max_size=3))
def test_every_question_keeps_its_own_entities(question: str, names: frozenset[str]) -> None:
    assert keeps(question, entities(question, names), names)
    assert keeps(f"{question} and more", entities(question, names), names)


@example(texts=["0<A𝐀"])  # a capital of mathematics is a capital
@given(texts=st.lists(st.text(max_size=40), max_size=4))
def test_a_name_is_a_word_in_small_letters_that_is_there(texts: list[str]) -> None:
    found = names_in(texts * 2)
    whole = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    assert all(name == name.casefold() and name in whole for name in found)


# What was wrong once


def test_a_sentence_after_the_first_begins_with_a_capital_too() -> None:
    assert entities("My rent rose in 2019. What is the average?", set()) == {"2019"}


def test_a_short_question_in_small_letters_may_have_one_name() -> None:
    assert entities("population Kenya", set()) == {"kenya"}


@pytest.mark.parametrize(
    ("rewrite", "name"), [("people in Nigeria", "niger"), ("Indiana crops", "india")]
)
def test_a_place_that_begins_like_another_one_is_not_it(rewrite: str, name: str) -> None:
    assert not keeps(rewrite, {name}, NONE)


@pytest.mark.parametrize(("one", "other"), [("niger", "nigerian"), ("nigerian", "niger")])
def test_who_lives_in_one_place_does_not_live_in_another_that_begins_like_it(
    one: str, other: str
) -> None:
    assert not keeps(f"{one} crops", {other}, frozenset({"niger", "nigeria"}))
    assert keeps(f"{one} crops", {other}, frozenset({"niger"}))  # it knows no better
    assert keeps("nigerian crops", {"nigeria"}, frozenset({"niger", "nigeria", "nigerian"}))


@pytest.mark.parametrize(
    ("rewrite", "number"),
    [("1000 people", "1,000"), ("people: 1,000.", "1000"), ("2.5, or so", "2.5")],
)
def test_a_number_is_kept_however_its_thousands_are_written(rewrite: str, number: str) -> None:
    assert keeps(rewrite, entities(number, NONE), NONE)


@pytest.mark.parametrize(("rewrite", "number"), [("5.2", "2.5"), ("1,000", "1,000,000")])
def test_a_number_of_the_same_digits_is_another_one(rewrite: str, number: str) -> None:
    assert not keeps(rewrite, entities(number, NONE), NONE)


def test_a_mark_belongs_to_its_word() -> None:
    assert words("चावल की कीमत") == ["चावल", "की", "कीमत"]


def test_an_accent_may_be_written_as_a_character_of_its_own() -> None:
    texts = ["Prices in Co\u0302te rose.", "Prices in Co\u0302te fell."]
    assert names_in(texts) == {"c\u00f4te"}

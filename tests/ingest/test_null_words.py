"""A word that a program wrote for nothing is no text; a word of people is one."""

import pytest

from findtune.ingest.null_words import is_null_word

PANDAS = ["nan", "NaN", "-nan", "NaT", "None", "<NA>", "N/A", "n/a", "NA", "1.#QNAN", "-1.#IND"]
DATABASES = ["NULL", "null", "Null", "(null)", "[NULL]", "\\N", "undefined", "nil"]
ENGLISH = ["#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#N/A", "#SPILL!", "#CALC!"]
ENGLISH += ["#GETTING_DATA", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#ERROR!"]
OTHERS = ["#BEZUG!", "#WERT!", "#ZAHL!", "#NV", "#VALEUR!", "#NOM?", "#N/D", "#¡REF!", "#¿NOMBRE?"]
OTHERS += [
    "#¡DIV/0!",
    "#RIF!",
    "#ÜBERLAUF!",
    "Err:502",
    "#AUSLASTUNG!",
    "#REF",
    "' null '",
    '"nan"',
]
OTHERS += ["#ССЫЛКА!", "#ЗНАЧ!", "#Н/Д", "#DEĞER!", "#ДЕЛ/0!", "#N/A Requesting Data..."]
OTHERS += ["pd.NA", "n. a.", "k.A.", "TBD", "(blank)"]
OTHERS += ["(not provided)", "(not set)", "[None]", "[nan]", "N / A"]
OTHERS += ["n/d", "н/д", "(N/A)", "not available", "нет данных", "該当なし", "不明"]


@pytest.mark.parametrize("word", [*PANDAS, *DATABASES, *ENGLISH, *OTHERS])
def test_a_word_for_nothing_is_known_with_blanks_around_it(word: str) -> None:
    assert is_null_word(word)
    assert is_null_word(f"  {word}\n")


TEXTS = [
    "nan bread",
    "Nan",
    "none of the above",
    "Na",
    "na",
    "null hypothesis",
    "NaCl",
    "#1",
    "#tea",
]
TEXTS += ["#REF! rate", "not a number", "Nullarbor", "N", "0", "-", "", "Error", "#metoo!", "Err"]
TEXTS += ["#слово!", "missing", "n", "#1!", "#新冠?", "#天气 预报!", "#שלום!"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_holds_such_a_word_or_looks_like_one_is_a_text(text: str) -> None:
    assert not is_null_word(text)

"""The language of a text is named if it is long enough, and never guessed from a few words."""

import pytest

from findtune.quality.languages import count_languages, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how many people are out of work in this county?", "en"),
        ("Wie viele Menschen sind in diesem Land arbeitslos?", "de"),
        ("combien de personnes sont au chômage dans ce pays", "fr"),
        ("¿cuántas personas hay sin trabajo y por qué?", "es"),
        ("сколько безработных живёт сегодня в России", "ru"),
        ("kenya unemployment rate", "short"),
        ("2023", "short"),
        ("", "short"),
    ],
)
def test_the_language_of_a_long_text_is_told_and_of_a_short_one_is_not(
    text: str, language: str
) -> None:
    assert language_of(text) == language


def test_texts_are_counted_by_language() -> None:
    texts = ["how many people live in this county?", "where is the nearest school here?", "失業率"]
    assert count_languages(texts) == {"en": 2, "short": 1}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我想知道二零二三年加州的失业率是多少", "zh"),
        ("東京の人口は何人ですか教えてください", "ja"),
        ("ประเทศไทยมีประชากรเท่าไหร่ในปีนี้", "th"),
        ("서울의 인구는 얼마나 됩니까 알려 주세요", "ko"),
        ("失业率", "short"),
        ("東京の人口は何人", "short"),
    ],
)
def test_a_text_without_spaces_is_long_enough_by_its_letters(text: str, language: str) -> None:
    assert language_of(text) == language

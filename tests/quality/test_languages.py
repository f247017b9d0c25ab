"""Languages: a script by its letters, a language by its small words, and no guess without them."""

import pytest

from findtune.quality.languages import count_languages, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how many people are out of work?", "English"),
        ("Wie viele Menschen sind arbeitslos?", "German"),
        ("combien de personnes sont au chômage", "French"),
        ("¿cuántas personas hay sin trabajo y por qué?", "Spanish"),
        ("ile osób nie ma pracy", "Polish"),
        ("сколько безработных в России", "Cyrillic"),
        ("失業率", "Han"),
        ("失業率は", "Japanese"),
        ("बेरोजगारी दर", "Devanagari"),
        ("kenya unemployment rate", "unclear"),
        ("2023", "unclear"),
    ],
)
def test_a_language_is_known_by_its_letters_and_small_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_texts_are_counted_by_language() -> None:
    texts = ["how many people?", "where is it?", "失業率"]
    assert count_languages(texts) == {"English": 2, "Han": 1}

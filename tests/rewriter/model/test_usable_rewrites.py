"""Which samples can be searched: new ones, without loops, that keep the question's entities."""

import pytest

from findtune.rewriter.model.lexicon import Lexicon, build_lexicon
from findtune.rewriter.model.usable_rewrites import is_copy, is_repetitive, usable_rewrites

LEXICON = Lexicon(frozenset({"kenya", "bora"}), frozenset())  # every word is known
KENYA = "Do many women work in Kenya in 2020?"


@pytest.mark.parametrize(
    ("question", "usable", "dropped"),
    [
        (KENYA, ["women at work in Kenya, 2020"], ["do many women work in kenya in 2020", ""]),
        (KENYA, ["Kenyan women in work 2020"], ["women at work in Kenya", "work, 2020"]),
        (
            KENYA,
            ["WOMEN in Kenya 2020!", "2020 Kenya"],
            ["women in Kenya, 2020", "women women in Kenya 2020"],
        ),
        ("hotels in bora bora", ["Bora Bora hotels"], ["hotels", "bora bora hotels"]),
        ("over 1,000,000 people", ["above 1000000"], ["more than 1,000"]),
        *((question, [], ["why?", "2020"]) for question in ("", " \n", "?!", "🤷")),
        ("चावल की कीमत", ["चावल के दाम"], ["चावल की कीमत", ""]),  # vowels are marks
    ],
)
def test_copies_loops_duplicates_and_lost_entities_are_dropped(
    question: str, usable: list[str], dropped: list[str]
) -> None:
    assert usable_rewrites(question, [*usable, *dropped], LEXICON) == usable


def test_a_rewrite_with_a_coined_word_is_dropped() -> None:
    lexicon, samples = build_lexicon([], ["women at work"]), ["women at work", "womenly workness"]
    assert usable_rewrites("female jobs", samples, lexicon) == ["women at work"]
    assert usable_rewrites("female jobs", samples, lexicon, ["womenly workness?"]) == samples


@pytest.mark.parametrize(
    ("question", "copy", "other"),
    [("How much tea?", "how much  TEA", "much how tea"), ("🌾", "🌾", "🍵"), ("", "", "tea")],
)
def test_a_copy_has_the_words_of_the_question(question: str, copy: str, other: str) -> None:
    assert is_copy(question, copy)
    assert not is_copy(question, other)


def test_a_repetitive_rewrite_doubles_a_word_or_a_sequence() -> None:
    repetitive = ["tea tea", "tea, Tea", "hotels hotels in Bora Bora"]
    repetitive += ["tea in cups and tea in cups", "a row of words and a row of trees"]
    others = ["tea and tea", "tea in cups, tea in pots", ""]
    others += ["Bora Bora hotels"]  # as in the question
    question = "how much tea in bora bora?"
    assert [text for text in repetitive + others if is_repetitive(question, text)] == repetitive

"""The lexicon knows which words a rewrite may have: those of the corpus and of the session."""

from pathlib import Path

import pytest

from findtune.rewriter.model.lexicon import Lexicon, build_lexicon, read_lexicon

LEXICON = build_lexicon(["kenya"], ["Unemployment rates in Kenya", "price of a box, country"])


@pytest.mark.parametrize(
    ("rewrite", "known"),
    [
        ("UNEMPLOYMENT rate, in Kenya!", True),
        ("prices of boxes in countries", True),  # another number of the same noun
        ("price in 2019 of 3rd box", True),  # numbers are not words
        ("gigantically-adjusted unemployment", False),
        ("unemploymentish rates", False),
        ("tea rates", True),  # in the question
        ("cup rate", True),  # in the history, as cups
        ("स price", True),  # a single letter
        ("चावल price", False),
        ("稲の収穫量 ข้าว", True),  # no spaces between words
        ("", True),
    ],
)
def test_a_word_is_known_from_the_texts_or_from_the_session(rewrite: str, known: bool) -> None:
    assert LEXICON.knows(rewrite, "how much tea?", ["cups of it"]) is known


def test_a_lexicon_without_a_vocabulary_knows_every_word() -> None:
    assert Lexicon(frozenset(), frozenset()).knows("gigantically adjusted", "tea")


def test_a_lexicon_is_read_as_it_was_written_and_is_plain_json(tmp_path: Path) -> None:
    LEXICON.write(tmp_path)
    assert read_lexicon(tmp_path) == LEXICON
    assert {path.name for path in tmp_path.iterdir()} == {"names.json", "vocabulary.json"}
    assert (tmp_path / "names.json").read_text(encoding="utf-8") == '["kenya"]\n'

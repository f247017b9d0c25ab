"""A list is split at what separates its texts, and at nothing that belongs to a text."""

import pytest

from findtune.ingest.list_separators import split_cell

LISTS = {
    "tea;milk;ice": "",
    "tea；milk；ice": "a semicolon of another script",
    "tea؛milk؛ice": "a semicolon of another script",
    "tea\nmilk\r\nice": "the ends of lines",
    "tea\u2028milk\rice": "the ends of lines",
    "tea|milk|ice": "|",
    "tea | milk || ice": "|",
    "tea｜milk¦ice": "|",
    '["tea", "milk", "ice"]': "a list in brackets",
    "['tea', 'milk', 'ice']": "a list in brackets",
    '("tea", "milk", "ice")': "a list in brackets",
    "tea|milk;ice": "|",
    "tea\nmilk；ice": "the ends of lines and a semicolon of another script",
}


@pytest.mark.parametrize(("cell", "separator"), LISTS.items())
def test_a_list_is_split_and_a_rare_separator_is_named(cell: str, separator: str) -> None:
    texts, named = split_cell(cell)
    assert [text.strip() for text in texts] == ["tea", "milk", "ice"]
    assert named == separator


TEXTS = [
    "tea, milk and ice",
    "P(A|B)",
    "|x|",
    "tea / milk",
    "[tea]",
    '["tea", 3]',
    '["tea"',
    "a • b",
]


@pytest.mark.parametrize("cell", TEXTS)
def test_what_is_no_list_is_one_text(cell: str) -> None:
    assert split_cell(cell) == ([cell], "")


def test_a_sentence_may_be_broken_into_lines_and_two_sentences_are_two_texts() -> None:
    assert split_cell("All the tea\nin cups.", sentences=True) == (["All the tea\nin cups."], "")
    assert split_cell("All tea.\nIn cups.", sentences=True).texts == ["All tea.", "In cups."]

"""A list is split at what separates its texts, and at nothing that belongs to a text."""

from collections.abc import Callable

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
    "[u'tea', u'milk', u'ice']": "a list in brackets",
    "['tea' 'milk' 'ice']": "a list in brackets",
    "['tea' 'milk'\n 'ice']": "a list in brackets",
    "array(['tea', 'milk', 'ice'], dtype=object)": "a list in brackets",
    '{"tea",milk,"ice"}': "a list in brackets",
    "{tea,milk,ice}": "a list in brackets",
    "{'tea', 'milk', 'ice'}": "a list in brackets",
    '["tea", null, "milk", "ice"]': "a list in brackets",
    "['tea', None, 'milk', 'ice']": "a list in brackets",
    '[{"text": "tea"}, {"name": "milk"}, {"text": "ice"}]': "a list in brackets",
    "[“tea”, “milk”, “ice”]": "a list in brackets",
    '"[\\"tea\\", \\"milk\\", \\"ice\\"]"': "a list in brackets",
    '["tea", "milk", "ice", "wat': "a list in brackets",
    "• tea • milk • ice": "bullets",
    "tea • milk • ice": "bullets",
    "•tea •milk •ice": "bullets",
    "\uf0b7 tea \uf0b7 milk \uf0b7 ice": "bullets",
    "'tea', 'milk', 'ice'": "a list in brackets",
    '"tea", "milk","ice",': "a list in brackets",
    "['tea', nan, 'milk', None, 'ice']": "a list in brackets",
    '[null, "tea", "milk", NaN, "ice"]': "a list in brackets",
    "[None, 'tea', 'milk', 'ice']": "a list in brackets",
    "set(['tea', 'milk', 'ice'])": "a list in brackets",
    "Index(['tea', 'milk', 'ice'], dtype='object')": "a list in brackets",
    'c("tea", "milk", NA, "ice")': "a list in brackets",
    "tea,\nmilk,\nice": "the ends of lines",
    "(tea; milk; ice)": "",
    "{tea; milk; ice}": "",
    "tea\\n milk\\r\\n ice": "the ends of lines",
    '["tea", "milk", "ice"];': "a list in brackets",
    '["tea", "milk", "ice"].': "a list in brackets",
    "['tea', 'milk', 'ice'] ;": "a list in brackets",
    '["tea", "milk", "ice", "wat.': "a list in brackets",
    "[“tea”, “milk”, “ice”, “wat": "a list in brackets",
    '["tea", "milk", "ice"': "a list in brackets",
    '["tea", null, "milk", "ice",': "a list in brackets",
    "tea\tmilk\tice": "tabs",
    "[tea; milk; ice]": "",
    '"tea";"milk";"ice"': "",
    "„tea“;„milk“;„ice“": "",
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
    "{tea}",
    "'tea', 'milk' and ice",
    '"Tea", a play, and "Milk"',
    "c(a, b)",
    "[None]s",
    "CuSO4•5H2O and •OH",
    "{1,000}",
    "{City, State}",
    "{tea: 1}",
    "{tea: 1, milk: 2}",
    "{'tea': 1}",
    "[1] tea",
    "'tea' and 'milk'",
    "tea\tcup",
    '["Men", "Women"] by age, and others',
    '["Men", "Women",] by age',
    "C:\\new",
    "[" * 3000 + "]" * 3000,
]


@pytest.mark.parametrize("cell", TEXTS)
def test_what_is_no_list_is_one_text(cell: str) -> None:
    assert split_cell(cell) == ([cell], "")


@pytest.mark.parametrize(
    "cell",
    ["1. tea 2. milk 3. ice", "1. tea, 2. milk, 3. ice", "1) tea 2) milk 3) ice", "①tea②milk③ice"],
)
def test_numbers_in_order_separate_the_texts_of_one_line(cell: str) -> None:
    texts, named = split_cell(cell)
    assert [text.lstrip("123.)①②③ ") for text in texts] == ["tea", "milk", "ice"]
    assert named == "numbers"


@pytest.mark.parametrize(
    "cell",
    ["1. Liga und 2. Liga", "2. tea 3. milk 4. ice", "1. tea 3. milk 2. ice", "Grade 1) a 2) b"],
)
def test_other_numbers_separate_nothing(cell: str) -> None:
    assert split_cell(cell) == ([cell], "")


def test_quotes_and_brackets_of_some_texts_alone_stay() -> None:
    for cell in ('"tea" cups;"milk"', "[a] tea; [b] milk", "[a]; [b]", '"a "b"";"c"'):
        assert split_cell(cell).texts == cell.split(";")


def test_a_sentence_may_be_broken_into_lines_and_two_sentences_are_two_texts() -> None:
    assert split_cell("All the tea\nin cups.", sentences=True) == (["All the tea\nin cups."], "")
    assert split_cell("All tea.\nIn cups.", sentences=True).texts == ["All tea.", "In cups."]


def test_a_path_of_windows_is_no_end_of_a_line() -> None:
    assert split_cell("C:\\new;b").texts == ["C:\\new", "b"]


# What a long cell begins with, repeats and ends with.
LONG = {
    "ends of an array": ("array([", "],dtype=", "()"),
    "blanks": ("a", " ", "b"),
    "blanks and bullets": ("•", " ", "b"),
    "quotes that are escaped": ('["', '\\"', ""),
    "strings": ('["', '" "', ""),
    "brackets": ('["a"', "[", ""),
    "quoted texts": ("", "'a',", "b"),
    "texts that are missing": ("['a'", ", nan ", ""),
}


@pytest.mark.parametrize(("begin", "part", "end"), LONG.values(), ids=LONG)
def test_a_long_cell_takes_linear_time(
    begin: str, part: str, end: str, assert_linear: Callable[..., None]
) -> None:
    assert_linear(lambda size: split_cell(begin + part * size + end), 10_000)


def test_words_for_nothing_within_the_texts_of_a_list_stay() -> None:
    texts = ["Sales (NA)", "Sales (EU)", "Sales, NA, total"]
    assert split_cell(str(texts)).texts == texts


@pytest.mark.parametrize(
    "prose",
    [
        "People in work. Includes: • employed • self-employed.",
        "First 1) mix and 2) bake.",
        '"Jobs", "work"',
    ],
)
def test_prose_is_split_at_the_ends_of_its_lines_alone(prose: str) -> None:
    assert len(split_cell(prose, sentences=True).texts) == 1

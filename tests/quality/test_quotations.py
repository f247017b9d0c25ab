"""A question that is to be forgotten is found in the tables that people edit."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.quality.quotations import TABLES, quotations
from findtune.traffic.teaching import as_key

TEXT = """query,url,label
how much  tea?,https://a.example,drop
"bread,
rye",https://b.example,keep
How much tea?,https://c.example,keep
"""


def test_each_line_with_the_question_is_named_in_each_table(tmp_path: Path) -> None:
    assert [*quotations(tmp_path, "How much tea?", as_key)] == []
    for table in TABLES:
        (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / table).write_text(TEXT, encoding="utf-8")
    places = [*quotations(tmp_path, "HOW MUCH TEA?", as_key)]
    assert places == [f"{table}, line {line}" for table in TABLES for line in (2, 5)]
    assert [*quotations(tmp_path, "bread, rye", as_key)] == [f"{table}, line 3" for table in TABLES]


def test_a_table_without_questions_names_nothing(tmp_path: Path) -> None:
    (tmp_path / TABLES[0]).parent.mkdir(parents=True)
    (tmp_path / TABLES[0]).write_text("text\ntea\n", encoding="utf-8")
    assert [*quotations(tmp_path, "tea", as_key)] == []


def lines_in(tmp_path: Path, text: str, question: str) -> list[int]:
    path = tmp_path / TABLES[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8-sig"))
    return [int(place.rsplit(" ", 1)[1]) for place in quotations(tmp_path, question, as_key)]


@pytest.mark.parametrize(
    "text",
    [
        "query;url;label\nrice;u;drop\nTea?;u;drop\n",
        "query\turl\r\nrice\tu\r\nTea?\tu\r\n",
        "Query,URL\nrice,u\nTea?,u\n",
        "sep=;\n QUERY ;url\nTea?;u\n",
        "query,history,url\nrice,,u\nhow much,Tea?,u\n",
        "query,history,url\nrice,green tea? | rice,u\nhow much,rice |  TEA? | oat,u\n",
        'query,url,text\nrice,u,"good"\n"tea?",u,"torn\noat,u,text\n',
        "query,url\nrice,u\ntea?,u,beyond the header\n",
    ],
)
def test_a_question_is_seen_in_each_form_in_which_people_save_a_table(
    tmp_path: Path, text: str
) -> None:
    assert lines_in(tmp_path, text, "tea?") == [3]


@pytest.mark.parametrize("question", ["-5 degrees?", "=sum?", "'quoted'", "@home | here"])
def test_a_question_is_seen_in_a_cell_that_no_spreadsheet_computes(
    tmp_path: Path, question: str
) -> None:
    text = f"query,history,url\n'{question},,u\nrice,'{question} | oat,u\n"
    assert lines_in(tmp_path, text, question) == [2, 3]


def test_a_question_is_seen_after_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    text = 'query,url,text\n"rice,u,torn\n' + "oat,u,text\n" * 20_000 + "tea?,u,text\n"
    assert lines_in(tmp_path, text, "tea?") == [20_003]


def test_a_word_of_another_question_is_no_question(tmp_path: Path) -> None:
    text = "query,history,url,text\ngreen tea,tea leaves | no tea,tea,tea"
    for end in ("\n", ",,\n"):  # a spreadsheet may add empty cells
        assert lines_in(tmp_path, f"{text}{end}", "tea") == []


def test_a_table_that_cannot_be_read_is_named_after_the_places_in_others(tmp_path: Path) -> None:
    for table, encoding in zip(TABLES, ("utf-16", "utf-8", "utf-8"), strict=True):
        (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / table).write_text("query,url\ntea,u\n", encoding=encoding)
    places = quotations(tmp_path, "tea", as_key)
    assert [next(places), next(places)] == [f"{table}, line 2" for table in TABLES[1:]]
    with pytest.raises(InputError, match="review.csv is UTF-16"):
        next(places)

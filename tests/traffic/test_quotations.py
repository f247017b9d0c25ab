"""A question that is to be forgotten is found in the tables that people edit."""

from pathlib import Path

from findtune.traffic.quotations import TABLES, quotations

TEXT = """query,url,label
how much  tea?,https://a.example,drop
"bread,
rye",https://b.example,keep
How much tea?,https://c.example,keep
"""


def test_each_line_with_the_question_is_named_in_each_table(tmp_path: Path) -> None:
    assert [*quotations(tmp_path, "How much tea?")] == []
    for table in TABLES:
        (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / table).write_text(TEXT, encoding="utf-8")
    places = [*quotations(tmp_path, "HOW MUCH TEA?")]
    assert places == [f"{table}, line {line}" for table in TABLES for line in (2, 5)]
    assert [*quotations(tmp_path, "bread, rye")] == [f"{table}, line 4" for table in TABLES]


def test_a_table_without_questions_names_nothing(tmp_path: Path) -> None:
    (tmp_path / TABLES[0]).parent.mkdir(parents=True)
    (tmp_path / TABLES[0]).write_text("text\ntea\n", encoding="utf-8")
    assert [*quotations(tmp_path, "tea")] == []

"""A guard query has one right text, and is read once."""

from typing import Any

import pytest

FILE = "data/guard/queries.csv"


def read(project: Any, *rows: str) -> tuple[list[Any], Any]:
    """Return the guard queries and the report rows of a file."""
    project.write("guard/queries.csv", "\n".join(["query,text", *rows]) + "\n")
    outcome = project.read("guard_queries")
    return [[*query.values()] for query in outcome.records], outcome


def test_a_query_knows_its_text_and_its_source(project: Any) -> None:
    queries, outcome = read(project, "bus  pass,Travel card.", '"lost it, now?",Travel card.')
    assert queries == [
        ["bus pass", "Travel card.", f"{FILE}:2"],
        ["lost it, now?", "Travel card.", f"{FILE}:3"],
    ]
    assert outcome.rows == []
    assert outcome.counts["queries"] == 2
    assert outcome.counts["texts"] == 1


@pytest.mark.parametrize(
    ("cells", "column", "remedy"),
    [
        (",Soup.", "query", "write the query, or delete the row"),
        ("?!,Soup.", "query", "write the query, or delete the row"),
        ("soup recipe,", "text", "write the text, or delete the row"),
        ("SOUP,soup.", "query", "ask for the text in other words"),
        ("The bus passes,Soup.", "query", "keep one of them"),
    ],
)
def test_a_row_that_can_not_be_used_is_rejected(
    project: Any, cells: str, column: str, remedy: str
) -> None:
    queries, outcome = read(project, "bus pass,Travel card.", cells, "hot bowl,Soup.")
    assert [query[0] for query in queries] == ["bus pass", "hot bowl"]
    [row] = outcome.rows
    assert row[:4] == ("rejected", FILE, 3, column)
    assert row.remedy == remedy


def test_the_file_is_optional_and_is_not_read_as_guard_pairs(project: Any) -> None:
    project.write("guard/pairs.csv", "sentence_1,sentence_2,score\ntea,coffee,0.3\n")
    assert project.read("guard_queries").records == []
    read(project, "bus pass,Travel card.")
    assert [pair["sentence_1"] for pair in project.read("guard").records] == ["tea"]


def test_a_query_is_cleaned_as_one_that_was_typed(project: Any) -> None:
    queries, _ = read(project, "how+many+trams,Trams.", "caf%C3%A9%20menu,Menu 20%25 off.")
    assert [query[:2] for query in queries] == [
        ["how many trams", "Trams."],
        ["café menu", "Menu 20%25 off."],
    ]


def test_the_name_of_the_file_may_have_capitals(project: Any) -> None:
    project.write("guard/Queries_2.csv", "query,text\nbus pass,Travel card.\n")
    assert len(project.read("guard_queries").records) == 1
    assert project.read("guard").records == []

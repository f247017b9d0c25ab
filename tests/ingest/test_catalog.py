"""The clean catalog has each text once per variable, with the place where it was read."""

from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError

HEADER = "dcid,Name,Description,Override_Alternatives,Curated_Alternatives"
SMALL, MEDIUM = "data/autogen_input/small/a.csv", "data/autogen_input/medium/a.csv"
WRITTEN = "data/alternatives/a.csv"


def read(project: Any, *small: str, medium: str = "", written: str = "") -> tuple[list[Any], Any]:
    """Return the texts and the report rows of some rows; the variable `last` is left out."""
    project.write("autogen_input/small/a.csv", "\n".join([HEADER, *small, "last/s,Rain,,,"]))
    project.write("autogen_input/medium/a.csv", f"{HEADER}\n{medium}\nlast/m,Snow,,,\n")
    project.write("alternatives/a.csv", f"dcid,Alternatives\n{written}\n")
    outcome = project.read("catalog")
    return [text for text in outcome.records if not text["dcid"].startswith("last")], outcome.rows


def short(texts: list[Any]) -> list[str]:
    """Return variable, role and text of each text."""
    return [f"{text['dcid']} {text['role']}: {text['text']}" for text in texts]


def test_every_text_of_a_variable_has_its_catalog_its_role_and_its_source(project: Any) -> None:
    project.write("alternatives/b/a.csv", "dcid,Alternatives\ntea,cuppa\n")
    small = ["milk,Milk,,,brew;cream", "tea,Tea,Cups.;All teas.,,"]
    written = 'milk,"lactose\ndrink"\nice,cubes;how cold?'
    texts, rows = read(project, *small, medium="ice,Ice,,,", written=written)
    assert [tuple(text.values()) for text in texts] == [
        ("milk", "small", "name", "Milk", f"{SMALL}:2"),
        ("milk", "small", "curated", "brew", f"{SMALL}:2"),
        ("milk", "small", "curated", "cream", f"{SMALL}:2"),
        ("tea", "small", "name", "Tea", f"{SMALL}:3"),
        ("tea", "small", "description", "Cups.", f"{SMALL}:3"),
        ("tea", "small", "description", "All teas.", f"{SMALL}:3"),
        ("ice", "medium", "name", "Ice", f"{MEDIUM}:2"),
        ("milk", "small", "generated", "lactose drink", f"{WRITTEN}:2"),
        ("ice", "medium", "generated", "cubes", f"{WRITTEN}:4"),
        ("ice", "medium", "generated", "how cold?", f"{WRITTEN}:4"),
        ("tea", "small", "generated", "cuppa", "data/alternatives/b/a.csv:2"),
    ]
    assert rows == []


NO_TEXT, DUPLICATE = "a variable without any text", f"a duplicate of the variable at {SMALL}:2"
UNKNOWN = "no variable in autogen_input has this dcid"
REJECTED = {
    "a duplicate": ({"small": "tea,Milk,,,"}, (SMALL, 3, "dcid", "tea", DUPLICATE)),
    "one in medium": ({"medium": "tea,Milk,,,"}, (MEDIUM, 2, "dcid", "tea", DUPLICATE)),
    "an unknown variable": ({"written": "coffee,java"}, (WRITTEN, 2, "dcid", "coffee", UNKNOWN)),
    "no dcid": ({"small": " ,Coffee,,,"}, (SMALL, 3, "dcid", "", "an empty dcid")),
    "nothing but a dcid": ({"small": "ice,,,,"}, (SMALL, 3, "Name", "", NO_TEXT)),
    "no letters": ({"small": "ice,...,;-;,, "}, (SMALL, 3, "Name", "...", NO_TEXT)),
}


@pytest.mark.parametrize(("lines", "expected"), REJECTED.values(), ids=REJECTED)
def test_a_row_that_names_no_new_variable_with_a_text_is_rejected(
    project: Any, lines: dict[str, str], expected: tuple[object, ...]
) -> None:
    texts, [row] = read(project, "tea,Tea,,,", lines.pop("small", ""), **lines)
    assert short(texts) == ["tea name: Tea"]
    assert row[:6] == ("rejected", *expected)
    assert row.remedy


def test_a_text_of_two_variables_is_reported_and_both_keep_it(project: Any) -> None:
    written = "tea,hot drink\nherb,Hot  drink!"
    texts, [row] = read(project, "tea,Tea,,,", "herb,Herbs,,,", written=written)
    assert short(texts)[2:] == ["tea generated: hot drink", "herb generated: Hot drink!"]
    assert row[:5] == ("kept", WRITTEN, 3, "generated", "Hot drink!")
    assert row.reason == f"herb has the same text as tea at {WRITTEN}:2"


def test_a_duplicate_text_of_one_variable_keeps_its_first_role(project: Any) -> None:
    texts, rows = read(project, "tea,Tea,tea.,,Cuppa;cuppa", written="tea,cuppa; TEA")
    assert short(texts) == ["tea name: Tea", "tea curated: Cuppa"]
    assert rows == []


NUMBERED = ["1 Silage production", "1. Silage production;Fodder", "1) Silage production"]
NOT_NUMBERED = ["1 year olds", "10 Largest farms", "15 to 24", "1st harvest"]


@pytest.mark.parametrize("cell", [*NUMBERED, *NOT_NUMBERED])
def test_only_the_number_at_the_start_of_a_list_is_removed(project: Any, cell: str) -> None:
    texts, rows = read(project, f"grass,Grass,,,{cell}", written=f"grass,{cell}")
    expected = cell[cell.index("S") :].split(";") if cell in NUMBERED else [cell]
    assert [text["text"] for text in texts if text["role"] == "curated"] == expected
    columns = [(SMALL, 2, "Curated_Alternatives", cell), (WRITTEN, 2, "Alternatives", cell)]
    assert [row[1:5] for row in rows] == (columns if cell in NUMBERED else [])
    assert {row.action for row in rows} <= {"kept"}


def test_a_number_stays_in_a_name_and_in_other_columns(project: Any) -> None:
    project.write("autogen_input/small/b.csv", f"{HEADER},Unit\none,1 Person Homes; All,,,,1 Kg")
    texts, rows = read(project)
    assert short(texts) == ["one name: 1 Person Homes; All"]
    assert rows == []


@pytest.mark.parametrize("cell", ["char;;", ";char", " char ; ", "char;-;...", '"char\n;"'])
def test_an_empty_part_of_a_list_is_no_text(project: Any, cell: str) -> None:
    texts, rows = read(project, f"tea,Tea,{cell},,")
    assert short(texts) == ["tea name: Tea", "tea description: char"]
    assert rows == []


@pytest.mark.parametrize(
    ("cells", "written", "text", "reasons"),
    [
        (",Cups.,,", "", "description: Cups.", []),
        (",,,char", "", "curated: char", ["no name and no description"]),
        (",,,", "tea,char", "generated: char", ["no name and no description"]),
    ],
)
def test_a_variable_without_name_and_description_is_reported_and_kept(
    project: Any, cells: str, written: str, text: str, reasons: list[str]
) -> None:
    texts, rows = read(project, f"tea,{cells}", written=written)
    assert short(texts) == [f"tea {text}"]
    assert [row.reason for row in rows] == reasons
    assert all(row[:5] == ("kept", SMALL, 2, "Name", "tea") for row in rows)


@pytest.mark.parametrize(
    ("line", "written", "expected", "replaced"),
    [
        ("tea,Tea,Cups.,brew,char", "tea,cuppa", ["Tea", "Cups.", "brew"], 2),
        ("tea,Tea,,brew;char,Brew;cuppa", "", ["Tea", "brew", "char"], 1),  # it repeats one itself
        ("tea,Tea,,tea,", "tea,cuppa", ["Tea"], 1),  # it only repeats the name
        ("tea,Tea,,brew,Last drink", "last/s,last drink", ["Tea", "brew"], 1),  # one is shared
    ],
)
def test_an_override_replaces_the_alternatives_of_its_variable_and_counts_those_it_lacks(
    project: Any, line: str, written: str, expected: list[str], replaced: int
) -> None:
    texts, [row] = read(project, line, "milk,Milk,,,cream", written=f"{written}\nmilk,lactose")
    assert [text["text"] for text in texts if text["dcid"] == "tea"] == expected
    others = [text["text"] for text in texts if text["dcid"] == "milk"]
    assert others == ["Milk", "cream", "lactose"]
    assert row[:4] == ("kept", SMALL, 2, "Override_Alternatives")
    assert row.value == line.split(",")[3]
    assert row.reason == f"it replaces {replaced} alternatives of tea"


@pytest.mark.parametrize("path", [SMALL, MEDIUM, WRITTEN])
def test_a_folder_without_a_csv_file_or_a_column_is_refused(project: Any, path: str) -> None:
    read(project)
    Path(path).write_text("dcid,Name\ntea,Tea\n")
    with pytest.raises(InputError, match=rf"{path}:1: no column .*Alternatives"):
        project.read("catalog")
    Path(path).unlink()
    if "small" not in path:  # the others may be absent
        read(project)
        return
    with pytest.raises(InputError, match=rf"{Path(path).parent} holds no \*\.csv file; put at"):
        project.read("catalog")

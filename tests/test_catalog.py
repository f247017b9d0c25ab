"""The clean catalog holds each text once under its variable, and tells where it was read."""

import csv
from pathlib import Path

import pytest

from findtune.catalog import CATALOGS, Text, read_catalog, read_texts, write_texts
from findtune.errors import InputError
from findtune.tables import Note

HEADER = ("dcid", "Name", "Description", "Override_Alternatives", "Curated_Alternatives")
LONGEST_CELL = 100_000
# Stands last in both catalogs so that neither is empty; no test asks for it.
OTHERS = {
    "small": ("other/small", "Rain", "", "", ""),
    "medium": ("other/medium", "Snow", "", "", ""),
}


def write(path: Path, *rows: tuple[str, ...]) -> None:
    """Write a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a variable in each catalog and an empty list of alternatives."""
    for name in CATALOGS:
        variables(tmp_path, catalog=name)
    alternatives(tmp_path)
    return tmp_path


def variables(data: Path, *rows: tuple[str, ...], catalog: str = "small") -> Path:
    """Make a catalog of rows."""
    path = data / "autogen_input" / catalog / "tea.csv"
    write(path, HEADER, *rows, OTHERS[catalog])
    return path


def alternatives(data: Path, *rows: tuple[str, str], file: str = "tea.csv") -> Path:
    """Make a list of alternatives."""
    path = data / "alternatives" / file
    write(path, ("dcid", "Alternatives"), *rows)
    return path


def read(data: Path) -> tuple[list[Text], list[Note]]:
    """Return the texts that a test is about, and all notes."""
    texts, notes = read_catalog(data, LONGEST_CELL)
    return [text for text in texts if not text.dcid.startswith("other/")], notes


def said(texts: list[Text]) -> list[tuple[str, str, str]]:
    """Return whose text is what in which role."""
    return [(text.dcid, text.role, text.text) for text in texts]


def test_every_cell_of_a_variable_has_its_role(data: Path) -> None:
    variables(data, ("tea", "Tea", "Cups drunk.;All teas.", "", "brew;cuppa"))
    alternatives(data, ("tea", "char;how much tea?"))
    texts, notes = read(data)
    assert said(texts) == [
        ("tea", "name", "Tea"),
        ("tea", "description", "Cups drunk."),
        ("tea", "description", "All teas."),
        ("tea", "curated", "brew"),
        ("tea", "curated", "cuppa"),
        ("tea", "generated", "char"),
        ("tea", "generated", "how much tea?"),
    ]
    assert notes == []


def test_a_text_knows_the_file_and_line_it_was_read_from(data: Path) -> None:
    path = variables(data, ("milk", "Milk", "", "", ""), ("tea", "Tea", "", "", ""))
    generated = alternatives(data, ("milk", "lactose\ndrink"), ("tea", "char"))
    texts, _ = read(data)
    assert [text.source for text in texts] == [
        f"{path.as_posix()}:2",
        f"{path.as_posix()}:3",
        f"{generated.as_posix()}:2",
        f"{generated.as_posix()}:4",
    ]


def test_a_text_knows_the_catalog_of_its_variable(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "", ""), catalog="medium")
    alternatives(data, ("tea", "char"))
    texts, _ = read(data)
    assert [text.catalog for text in texts] == ["medium", "medium"]


def test_a_variable_that_stands_twice_keeps_its_first_row(data: Path) -> None:
    path = variables(data, ("tea", "Tea", "", "", ""), ("tea", "Coffee", "", "", ""))
    texts, notes = read(data)
    assert said(texts) == [("tea", "name", "Tea")]
    assert [(note.action, note.line, note.column, note.value) for note in notes] == [
        ("rejected", 3, "dcid", "tea")
    ]
    assert notes[0].reason == f"this variable stands at {path.as_posix()}:2 already"


def test_a_variable_that_stands_in_both_catalogs_stays_in_the_first(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "", ""), catalog="small")
    path = variables(data, ("tea", "Coffee", "", "", ""), catalog="medium")
    texts, notes = read(data)
    assert [(text.catalog, text.text) for text in texts] == [("small", "Tea")]
    assert [(note.action, note.file) for note in notes] == [("rejected", path.as_posix())]


def test_a_row_without_a_dcid_is_rejected(data: Path) -> None:
    variables(data, (" ", "Tea", "", "", ""))
    texts, notes = read(data)
    assert texts == []
    assert [(note.action, note.line, note.reason) for note in notes] == [("rejected", 2, "no dcid")]


def test_an_alternative_of_an_unknown_variable_is_rejected(data: Path) -> None:
    path = alternatives(data, ("coffee", "java"))
    texts, notes = read(data)
    assert texts == []
    assert [(note.action, note.file, note.line, note.value) for note in notes] == [
        ("rejected", path.as_posix(), 2, "coffee")
    ]


def test_a_text_under_two_variables_is_told_and_both_keep_it(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "", ""), ("herb", "Herbs", "", "", ""))
    generated = alternatives(data, ("tea", "hot drink"), ("herb", "Hot  drink!"))
    texts, notes = read(data)
    assert ("tea", "generated", "hot drink") in said(texts)
    assert ("herb", "generated", "Hot drink!") in said(texts)
    assert [(note.action, note.file, note.line, note.value) for note in notes] == [
        ("kept", generated.as_posix(), 3, "Hot drink!")
    ]
    assert f"herb stands under tea at {generated.as_posix()}:2" in notes[0].reason


def test_a_text_that_stands_twice_under_one_variable_keeps_its_first_role(data: Path) -> None:
    variables(data, ("tea", "Tea", "tea.", "", "Cuppa;cuppa"))
    alternatives(data, ("tea", "cuppa; TEA"))
    texts, notes = read(data)
    assert said(texts) == [("tea", "name", "Tea"), ("tea", "curated", "Cuppa")]
    assert notes == []


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("1 Silage production", ["Silage production"]),
        ("1. Silage production;Fodder", ["Silage production", "Fodder"]),
        ("1) Silage production", ["Silage production"]),
        ("1 year olds", ["1 year olds"]),
        ("10 Largest farms", ["10 Largest farms"]),
        ("15 to 24", ["15 to 24"]),
        ("1st harvest", ["1st harvest"]),
    ],
)
def test_only_the_number_of_a_list_is_stripped(data: Path, cell: str, texts: list[str]) -> None:
    variables(data, ("silage", "Fermented grass", "", "", cell))
    alternatives(data)
    found, notes = read(data)
    assert [text.text for text in found if text.role == "curated"] == texts
    told = [(note.action, note.line, note.column, note.value) for note in notes]
    stripped = not cell.startswith(texts[0])
    assert told == [("kept", 2, "Curated_Alternatives", cell)] * stripped


def test_a_number_stripped_from_a_generated_list_is_told(data: Path) -> None:
    variables(data, ("flat", "Flats", "", "", ""))
    path = alternatives(data, ("flat", "1 Bedroom;Studio"))
    texts, notes = read(data)
    assert [text.text for text in texts] == ["Flats", "Bedroom", "Studio"]
    assert [str(note) for note in notes] == [
        f"{path.as_posix()}:2, column Alternatives: it begins with the number of a list, which is "
        "left out (found '1 Bedroom;Studio'); if the number is part of the text, write it as a "
        "word."
    ]


def test_a_number_stays_in_a_name(data: Path) -> None:
    variables(data, ("one", "1 Person Households; All", "", "", ""))
    texts, _ = read(data)
    assert said(texts) == [("one", "name", "1 Person Households; All")]


@pytest.mark.parametrize(
    "cell", ["char;", "char;;", ";char", " char ; ", "char;-;...", "char\n;\n"]
)
def test_an_empty_part_of_a_list_is_no_text(data: Path, cell: str) -> None:
    variables(data, ("tea", "Tea", cell, "", ""))
    texts, notes = read(data)
    assert said(texts) == [("tea", "name", "Tea"), ("tea", "description", "char")]
    assert notes == []


def test_a_variable_needs_no_description(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "", "char"))
    texts, notes = read(data)
    assert [text.role for text in texts] == ["name", "curated"]
    assert notes == []


def test_a_variable_needs_no_name_if_it_has_a_description(data: Path) -> None:
    variables(data, ("tea", "", "Cups drunk.", "", ""))
    texts, notes = read(data)
    assert [text.role for text in texts] == ["description"]
    assert notes == []


def test_curated_alternatives_stand_in_for_a_name_and_are_told(data: Path) -> None:
    path = variables(data, ("tea", "", "", "", "char;brew"))
    texts, notes = read(data)
    assert [text.role for text in texts] == ["curated", "curated"]
    assert [(note.action, note.file, note.line, note.value) for note in notes] == [
        ("kept", path.as_posix(), 2, "tea")
    ]
    assert notes[0].reason == "no name and no description"


def test_generated_alternatives_stand_in_for_a_name_and_are_told(data: Path) -> None:
    path = variables(data, ("tea", "", "", "", ""))
    alternatives(data, ("tea", "char"))
    texts, notes = read(data)
    assert said(texts) == [("tea", "generated", "char")]
    assert [(note.action, note.file, note.reason) for note in notes] == [
        ("kept", path.as_posix(), "no name and no description")
    ]


@pytest.mark.parametrize("cell", ["", " ", ";", "...", " ;-; "])
def test_a_variable_with_no_text_at_all_is_rejected(data: Path, cell: str) -> None:
    path = variables(data, ("tea", cell, cell, cell, cell))
    texts, notes = read(data)
    assert texts == []
    assert [(note.action, note.file, note.line, note.reason) for note in notes] == [
        ("rejected", path.as_posix(), 2, "a variable with no text")
    ]


def test_override_alternatives_replace_curated_and_generated_ones(data: Path) -> None:
    variables(data, ("tea", "Tea", "Cups.", "brew", "char"), ("milk", "Milk", "", "", "cream"))
    alternatives(data, ("tea", "cuppa"), ("milk", "lactose"))
    texts, notes = read(data)
    assert said(texts) == [
        ("tea", "name", "Tea"),
        ("tea", "description", "Cups."),
        ("tea", "override", "brew"),
        ("milk", "name", "Milk"),
        ("milk", "curated", "cream"),
        ("milk", "generated", "lactose"),
    ]
    assert [(note.action, note.line, note.column, note.reason) for note in notes] == [
        ("kept", 2, "Override_Alternatives", "it replaces 2 alternatives of tea")
    ]


def test_what_an_override_says_itself_is_not_told_as_replaced(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "brew;char", "Brew;cuppa"), ("milk", "Milk", "", "a", "A"))
    _, notes = read(data)
    assert [note.reason for note in notes] == ["it replaces 1 alternatives of tea"]


def test_a_number_in_a_column_that_nobody_reads_is_not_told(data: Path) -> None:
    path = data / "autogen_input" / "small" / "milk.csv"
    write(path, (*HEADER, "Unit"), ("milk", "Milk", "", "", "", "1 Kg"))
    assert read(data)[1] == []


def test_an_override_that_repeats_the_name_still_replaces_the_others(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "tea", "char"))
    alternatives(data, ("tea", "cuppa"))
    texts, _ = read(data)
    assert [text.text for text in texts] == ["Tea"]


def test_an_alternative_that_is_overridden_stands_under_no_second_variable(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "brew", "hot drink"), ("milk", "Hot drink", "", "", ""))
    _, notes = read(data)
    assert [note.reason for note in notes] == ["it replaces 1 alternatives of tea"]


def test_all_files_of_a_folder_are_read_in_the_order_of_their_names(data: Path) -> None:
    variables(data, ("tea", "Tea", "", "", ""))
    names = ["0", "9/a", "b/a", "b/c", "c", "d", "e"]
    for name in reversed(names):
        alternatives(data, ("tea", f"tea of {name}"), file=f"{name}.csv")
    texts, _ = read(data)
    assert [text.text for text in texts[1:]] == [f"tea of {name}" for name in names]


@pytest.mark.parametrize("folder", ["autogen_input/small", "autogen_input/medium", "alternatives"])
def test_a_folder_without_a_csv_file_is_refused(data: Path, folder: str) -> None:
    (data / folder / "tea.csv").rename(data / folder / "tea.txt")
    with pytest.raises(InputError, match=rf"{folder} holds no \*\.csv file"):
        read(data)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"autogen_input/small holds no \*\.csv file"):
        read(tmp_path)


def test_a_missing_column_of_a_catalog_is_named(data: Path) -> None:
    path = variables(data)
    write(path, ("dcid", "Name", "Description"), ("tea", "Tea", ""))
    expected = r"tea\.csv:1: no column Override_Alternatives, Curated_Alternatives"
    with pytest.raises(InputError, match=expected):
        read(data)


def test_the_clean_catalog_is_read_back_as_written(data: Path, tmp_path: Path) -> None:
    variables(data, ("tea", 'The "Earl", grey', "Línea;cups", "", ""))
    texts, _ = read(data)
    write_texts(tmp_path / "clean.csv", texts)
    assert read_texts(tmp_path / "clean.csv") == texts

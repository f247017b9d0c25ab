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
    written = 'milk,"lactose\n drink"\nice,cubes;how cold?'
    texts, rows = read(project, *small, medium="ice,Ice,,,", written=written)
    assert [tuple(text.values()) for text in texts] == [
        ("milk", "small", "name", "Milk", f"{SMALL}:2"),
        ("milk", "small", "curated", "brew", f"{SMALL}:2"),
        ("milk", "small", "curated", "cream", f"{SMALL}:2"),
        ("tea", "small", "name", "Tea", f"{SMALL}:3"),
        ("tea", "small", "description", "Cups.", f"{SMALL}:3"),
        ("tea", "small", "description", "All teas.", f"{SMALL}:3"),
        ("ice", "medium", "name", "Ice", f"{MEDIUM}:2"),
        ("milk", "small", "generated", "lactose", f"{WRITTEN}:2"),
        ("milk", "small", "generated", "drink", f"{WRITTEN}:2"),
        ("ice", "medium", "generated", "cubes", f"{WRITTEN}:4"),
        ("ice", "medium", "generated", "how cold?", f"{WRITTEN}:4"),
        ("tea", "small", "generated", "cuppa", "data/alternatives/b/a.csv:2"),
    ]
    assert [row.reason for row in rows] == ["texts separated by the ends of lines"]


NO_TEXT, DUPLICATE = "a variable without any text", f"a duplicate of the variable at {SMALL}:2"
UNKNOWN = "no variable in autogen_input has this dcid"
REJECTED = {
    "a duplicate": ({"small": "tea,Milk,,,"}, (SMALL, 3, "dcid", "tea", DUPLICATE)),
    "one in medium": ({"medium": "tea,Milk,,,"}, (MEDIUM, 2, "dcid", "tea", DUPLICATE)),
    "an unknown variable": ({"written": "coffee,java"}, (WRITTEN, 2, "dcid", "coffee", UNKNOWN)),
    "no dcid": ({"small": " ,Coffee,,,"}, (SMALL, 3, "dcid", "", "an empty dcid")),
    "nothing but a dcid": ({"small": "ice,,,,"}, (SMALL, 3, "Name", "", NO_TEXT)),
    "no letters": ({"small": "ice,...,;-;,, "}, (SMALL, 3, "Name", "", NO_TEXT)),
    "words for nothing": ({"small": "ice,#NAME?,nan,,NULL"}, (SMALL, 3, "Name", "", NO_TEXT)),
}


@pytest.mark.parametrize(("lines", "expected"), REJECTED.values(), ids=REJECTED)
def test_a_row_that_names_no_new_variable_with_a_text_is_rejected(
    project: Any, lines: dict[str, str], expected: tuple[object, ...]
) -> None:
    small, others = lines.get("small", ""), {k: v for k, v in lines.items() if k != "small"}
    texts, rows = read(project, "tea,Tea,,,", small, **others)
    assert short(texts) == ["tea name: Tea"]
    [row] = [row for row in rows if row.action == "rejected"]
    assert row[:6] == ("rejected", *expected)
    assert row.remedy


def test_a_row_that_says_again_what_the_first_one_said_is_no_fault(project: Any) -> None:
    texts, [row] = read(project, "tea,Tea,,,char", "tea,Tea,,,char")
    assert short(texts) == ["tea name: Tea", "tea curated: char"]
    assert row[:6] == ("dropped", SMALL, 3, "dcid", "tea", DUPLICATE)


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


NUMBERED = ["1. Silage production;Fodder", "1) Silage production"]
NOT_NUMBERED = ["1 Silage production", "1 year olds", "10 Largest farms", "15 to 24", "1st harvest"]


@pytest.mark.parametrize("cell", [*NUMBERED, *NOT_NUMBERED])
def test_only_a_number_that_is_a_mark_is_removed_from_a_list(project: Any, cell: str) -> None:
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
    Path(path).write_text("dcid,text\ntea,Tea\n")
    with pytest.raises(InputError, match=rf"{path}:1: no column .*Alternatives"):
        project.read("catalog")
    Path(path).unlink()
    if "small" not in path:  # the others may be absent
        read(project)
        return
    with pytest.raises(InputError, match=rf"{Path(path).parent} holds no \*\.csv file; put at"):
        project.read("catalog")


# Forms that other people's catalogs have


@pytest.mark.parametrize(
    "header",
    [
        HEADER.upper(),
        HEADER.lower(),
        "DCID, name ,description,override alternatives,Curated-Alternatives",
        HEADER.replace("dcid", "Id"),
        HEADER.replace("dcid", "StatVar"),
        "\ufeff" + HEADER,
    ],
)
def test_a_header_is_read_in_any_case_and_an_id_is_a_dcid(project: Any, header: str) -> None:
    project.write("autogen_input/small/a.csv", f"{header}\ntea,Tea,Cups.,,char\n")
    texts = project.read("catalog").records
    assert short(texts) == ["tea name: Tea", "tea description: Cups.", "tea curated: char"]


def test_a_catalog_may_have_no_names(project: Any) -> None:
    project.write("autogen_input/small/a.csv", f"{HEADER.replace('Name,', '')}\ntea,Cups.,,char\n")
    texts = project.read("catalog").records
    assert short(texts) == ["tea description: Cups.", "tea curated: char"]


def test_sentences_of_one_dcid_are_one_variable_whose_name_is_the_first(project: Any) -> None:
    rows = "tea,Cups of tea\nice,Ice cubes;cold cubes\ntea,char;tea drinkers\ntea,nan\n"
    project.write("autogen_input/small/a.csv", f"dcid,sentence\n{rows}")
    project.write("alternatives/a.csv", "dcid,sentence\ntea,brew\ntea,cuppa\n")
    outcome = project.read("catalog")
    assert short(outcome.records) == [
        "tea name: Cups of tea",
        "tea curated: char",
        "tea curated: tea drinkers",
        "ice name: Ice cubes",
        "ice curated: cold cubes",
        "tea generated: brew",
        "tea generated: cuppa",
    ]
    assert outcome.records[1]["source"] == f"{SMALL}:4"
    assert [row[:4] for row in outcome.rows if row.action == "rejected"] == [
        ("rejected", SMALL, 5, "sentence")
    ]


def test_entities_are_decoded_before_a_list_is_split(project: Any) -> None:
    cell = "R&amp;D;R&amp;amp;D costs;women&#39;s <b>work</b>;one<br>two"
    texts, rows = read(project, f"tea,Tea &amp; Cake,,,{cell}")
    assert [(row.column, row.reason) for row in rows] == [
        ("Name", "HTML was removed"),
        ("Curated_Alternatives", "HTML was removed"),
        ("Curated_Alternatives", "texts separated by the ends of lines"),
    ]
    words = ["Tea & Cake", "R&D", "R&D costs", "women's work", "one", "two"]
    assert [text["text"] for text in texts] == words


@pytest.mark.parametrize("dcid", ['"=""a&b"""', "a&amp;b", "<b>a&amp;b</b>", "a&b<br/>"])
def test_an_id_is_no_html_and_no_text_of_a_spreadsheet(project: Any, dcid: str) -> None:
    texts, _ = read(project, f"{dcid},Tea,,,", "milk,Milk,,,", written="a&b,brew")
    assert short(texts) == ["a&b name: Tea", "milk name: Milk", "a&b generated: brew"]


def test_an_override_that_stands_for_nothing_replaces_nothing(project: Any) -> None:
    texts, rows = read(project, "tea,Tea,None,nan,char", written="tea,cuppa")
    assert short(texts) == ["tea name: Tea", "tea curated: char", "tea generated: cuppa"]
    assert [row[:5] for row in rows] == [
        ("kept", SMALL, 2, "Description", "None"),
        ("kept", SMALL, 2, "Override_Alternatives", "nan"),
    ]


def test_what_is_unusual_in_many_cells_is_reported_once_with_their_number(project: Any) -> None:
    lines = [f"v{number},Name {number},NULL,,a{number}|b{number} tea" for number in range(20)]
    texts, rows = read(project, *lines)
    assert [(row.line, row.column, row.reason) for row in rows] == [
        (2, "Description", "a word that stands for nothing, here and in 19 more cells"),
        (2, "Curated_Alternatives", "texts separated by |, here and in 19 more cells"),
    ]


def test_garbled_characters_are_kept_and_reported(project: Any) -> None:
    texts, rows = read(project, "a,CafÃ©,Riders â€“ all.,,caf\ufffd", "b,Café Ã la Â,,,“x” – â")
    assert len(texts) == 5
    assert [(row.action, row.line, row.column) for row in rows] == [
        ("kept", 2, column) for column in ("Name", "Description", "Curated_Alternatives")
    ]


@pytest.mark.parametrize(
    "text", ["Население", "عدد السكان", "ประชากร", "失業率", "जनसंख्या", "πληθυσμός"]
)
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_garbled_characters_of_every_script_are_reported(
    project: Any, text: str, encoding: str
) -> None:
    garbled = text.encode().decode(encoding, "replace").replace("\ufffd", "")
    _, rows = read(project, f"a,{garbled},,,{text}")
    assert [(row.column, row.reason) for row in rows] == [
        ("Name", "characters of another encoding")
    ]


def test_a_file_of_the_catalog_that_nothing_reads_is_named(project: Any) -> None:
    fine = ["autogen_input/README.md", "autogen_input/small/.hidden.csv", "alternatives/x.tsv"]
    stray = ["alternatives/notes.docx", "autogen_input/bio/a.csv", "autogen_input/small/a.xlsx"]
    stray.append("autogen_input/top.csv")
    for name in [*fine, *stray]:
        project.write(name, "dcid\tAlternatives\n")
    _, rows = read(project)
    assert sorted(row.file for row in rows) == [f"data/{name}" for name in sorted(stray)]
    assert {(row.action, row.reason) for row in rows} == {("dropped", "a file that nothing reads")}


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("dcid,Name,Description", "tea,Tea,All tea"),
        ("Id,Name,Alternatives", "tea,Tea,All tea"),
        ("Name,Curated_Alternatives,dcid", "Tea,All tea,tea"),
    ],
)
def test_a_catalog_needs_no_columns_but_an_id_and_a_name(
    project: Any, header: str, row: str
) -> None:
    project.write("autogen_input/small/a.csv", f"{header}\n{row}\n")
    texts = project.read("catalog").records
    assert [(text["dcid"], text["text"]) for text in texts] == [("tea", "Tea"), ("tea", "All tea")]


FORMULAS = ["=SUM(A1:A9)", '=A1&" tea"', "=Sheet1!$B$2", "=HYPERLINK(C3)", "= B2 + C3", "=A1:B9"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_no_text_and_an_equation_is_one(project: Any, cell: str) -> None:
    quoted = cell.replace('"', '""')
    texts, [row] = read(project, f'tea,Tea,"{quoted}",,"=y is 2 x"')
    assert [text["text"] for text in texts] == ["Tea", "=y is 2 x"]
    assert row.reason == "a formula, and no text"


@pytest.mark.parametrize(
    "cell", ["=CO2 per capita", "=B12 vitamin intake", "= PM10 concentration", "=H2, all of it"]
)
def test_a_word_like_the_name_of_a_cell_makes_no_formula(project: Any, cell: str) -> None:
    texts, rows = read(project, f'tea,Tea,"{cell}",,')
    assert [text["text"] for text in texts] == ["Tea", cell]
    assert rows == []


@pytest.mark.parametrize("mark", ["、", " / ", " ~ ", " · "])
def test_a_mark_that_may_separate_texts_is_reported_and_separates_none(
    project: Any, mark: str
) -> None:
    cell = mark.join(["tea", "cup", "pot"])
    texts, [row] = read(project, f"tea,Tea,,,{cell}")
    assert [text["text"] for text in texts] == ["Tea", cell]
    assert row.reason == f"one text holds several {mark.strip()}"


def test_a_file_whose_lists_may_be_separated_by_commas_is_reported_once(project: Any) -> None:
    rows = [f'v{number},V,,,"tea {number}, cup, pot"' for number in range(3)]
    _, reported = read(project, *rows)
    assert [row.reason for row in reported if row.column == "Curated_Alternatives"] == [
        "no list has a ;, but 3 hold several commas"
    ]
    _, reported = read(project, *rows, "milk,Milk,,,brew;cream")
    assert [row.reason for row in reported if row.column == "Curated_Alternatives"] == []


def test_a_word_for_nothing_in_a_list_is_left_out_and_reported(project: Any) -> None:
    texts, [row] = read(project, "tea,Tea,,,brew;nan;#REF!;N/A;[None]")
    assert short(texts) == ["tea name: Tea", "tea curated: brew"]
    assert row.reason == "a word that stands for nothing in a list, here and in 3 more cells"


@pytest.mark.parametrize("column", ["Descripton", "Curated_Alternative", "Unit"])
def test_a_column_that_may_be_misspelt_is_never_passed_over_in_silence(
    project: Any, column: str
) -> None:
    project.write("autogen_input/small/a.csv", f"dcid,Name,{column}\ntea,Tea,All tea\n")
    with pytest.raises(InputError, match=f"no column Description.*: found dcid, Name, {column}"):
        project.read("catalog")

"""The composed catalog is complete and stable, and no text belongs to two variables."""

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

from starter.compose import CATALOG, SCHEMA
from starter.composition import COLUMNS, Schema, compose, read_schema

BREAD_SCHEMA = Path(__file__).parents[1].joinpath("data", "bread_schema.yaml").read_text("utf-8")
FACETS = yaml.safe_load(BREAD_SCHEMA)["facets"]
Family = dict[str, Any]


def about(word: str) -> Family:
    """Return the family of bread, or one like it about something else."""
    text = BREAD_SCHEMA.replace("bread", word).replace("Bread", word.title())
    family: Family = yaml.safe_load(text)["families"][word]
    return family


BREAD = about("bread")


def schema(**families: Family) -> Schema:
    return Schema.model_validate({"facets": FACETS, "families": families})


def wordings(facet: str, slug: str) -> list[str]:
    """Return the wordings of a value; for an open facet, those that no text may contain."""
    values = FACETS[facet]
    chosen = list(values.values()) if slug == "all" else [values[slug]]
    return [word for value in chosen for word in value["everyday"]]


def read_texts(path: Path) -> set[str]:
    """Return every text in the cells of a CSV file, case-folded."""
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    return {text.strip().casefold() for cell in cells for text in cell.split(";")}


def alternatives(row: dict[str, str]) -> list[str]:
    return row["Curated_Alternatives"].split(";")


@pytest.fixture(scope="module")
def composed() -> list[dict[str, str]]:
    return compose(read_schema(SCHEMA))


@pytest.mark.needs_starter_catalog
def test_the_committed_catalog_was_composed_from_the_schema(composed: list[dict[str, str]]) -> None:
    with CATALOG.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert list(reader) == composed, "run python -m starter.compose and commit the result"
        assert reader.fieldnames == list(COLUMNS)
    assert b"\r" not in CATALOG.read_bytes()


@pytest.mark.needs_starter_catalog
def test_no_text_belongs_to_two_variables(composed: list[dict[str, str]]) -> None:
    folders = Path("data/autogen_input/small"), Path("data/alternatives")
    small = [path for folder in folders for path in folder.glob("*.csv")]
    owners = {text: "small" for path in small for text in read_texts(path)}
    for row in composed:
        for text in (row["dcid"], row["Name"], row["Description"], *alternatives(row)):
            assert owners.setdefault(text.casefold(), row["dcid"]) == row["dcid"], text


def test_adding_a_family_changes_no_other_row() -> None:
    bread = compose(schema(bread=BREAD))
    assert len(bread) == 3 * 3
    assert compose(schema(bread=BREAD, cake=about("cake")))[:9] == bread
    # Before the others, it moves them down and leaves them unchanged.
    assert compose(schema(cake=about("cake"), bread=BREAD))[9:] == bread


def test_an_alternative_has_exactly_the_facets_of_its_variable() -> None:
    for row in compose(schema(bread=BREAD)):
        slugs = row["dcid"].removeprefix("bread/").split("_")
        for facet, slug in zip(("sexes", "ages"), slugs, strict=True):
            for text in alternatives(row):
                has_facet = any(word in text for word in wordings(facet, slug))
                assert has_facet == (slug != "all"), (row["dcid"], text)


def test_two_variables_with_one_name_are_refused() -> None:
    names = {"names": ["Food[, {sex}][, {age}]", "Food[, {sex}][, {age}]"]}
    with pytest.raises(ValueError, match=r"bread/all_all and toast/all_all share the Name"):
        compose(schema(bread=BREAD | names, toast=about("toast") | names))


def test_an_alternative_of_another_variable_is_replaced() -> None:
    toast = about("toast") | {"alternatives": BREAD["alternatives"]}
    rows = compose(schema(bread=BREAD, toast=toast))
    texts = [text.casefold() for row in rows for text in alternatives(row)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"names": ["Bread[, {sex}]", "Bread[, {sex}][, {age}]"]}, "must say"),
        ({"names": ["Bread {sex}[, {age}]", "Bread[, {sex}][, {age}]"]}, "bracket or a fallback"),
        ({"names": ["Bread[, {sex} {age}]", "Bread[, {sex}][, {age}]"]}, "exactly one"),
        ({"optional": ["height"]}, "optional names"),
        ({"facets": {"sex": "sexes", "age": "heights"}}, "not among the facets"),
        ({"colour": "brown"}, "Extra inputs"),
    ],
)
def test_a_mistake_in_a_family_is_refused(change: Family, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        schema(bread=BREAD | change)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("facets: {sexes: {men: {name: Men}}}", "schema.yaml: facets.sexes.men.description: Field"),
        ("facets: {}\nfamilies: {}\nfacets: {}\n", "line 3: 'facets' is given twice"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_its_place(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint) as error:
        read_schema(path)
    assert "\n" not in str(error.value)

"""The composed catalog is whole, stable, and never says one thing of two variables."""

import csv
from pathlib import Path
from typing import Any

import pytest

from findtune.composition import COLUMNS, Schema, compose, read_schema
from stages.compose import CATALOG, SCHEMA

ALTERNATIVES = {
    "lay": ["{sex|folk}[ {age}] with a loaf"],
    "keyword": ["bread[ {sex}][ {age}]"],
    "question": ["how many {sex|people}[ {age}] eat bread?"],
    "telegraphic": ["bread eaters[, {sex}][, {age}]"],
}
BREAD: dict[str, Any] = {
    "facets": {"sex": "sexes", "age": "ages"},
    "optional": ["sex", "age"],
    "names": ["Bread Eaters[, {sex}][, {age}]", "Eaters of Bread[, {sex}][, {age}]"],
    "descriptions": ["{sex|people}[ {age}] who eat bread.", "{sex|people}[ {age}] and bread."],
    "alternatives": ALTERNATIVES,
}
FACETS: dict[str, Any] = {
    "sexes": {
        "men": {"name": "Men", "description": "men", "everyday": ["men", "boys"]},
        "women": {"name": "Women", "description": "women", "everyday": ["ladies", "girls"]},
    },
    "ages": {
        "old": {"name": "Old", "description": "over 65", "everyday": ["over 65", "past 65"]},
        "young": {"name": "Young", "description": "under 16", "everyday": ["under 16", "still 15"]},
    },
}


def said_of(family: dict[str, Any], word: str) -> dict[str, Any]:
    """Return a family like another that speaks of something else than bread."""

    def reworded(part: object) -> object:
        if isinstance(part, dict):
            return {key: reworded(value) for key, value in part.items()}
        if isinstance(part, list):
            return [reworded(value) for value in part]
        return str(part).replace("bread", word).replace("Bread", word.title()).replace("loaf", word)

    return {key: reworded(value) for key, value in family.items()}


def schema(**families: dict[str, Any]) -> Schema:
    """Return a tiny schema of the given families."""
    return Schema.model_validate({"facets": FACETS, "families": families})


def named_alike(family: dict[str, Any]) -> dict[str, Any]:
    """Return a family whose names do not tell what it is about."""
    return {**family, "names": ["Food[, {sex}][, {age}]", "Food[, {sex}][, {age}]"]}


def words(facet: str, slug: str) -> list[str]:
    """Return what a value may be called; for the unsaid, what no text may contain."""
    values = FACETS[facet]
    found = list(values.values()) if slug == "all" else [values[slug]]
    return [word for value in found for word in value["everyday"]]


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


def test_the_committed_catalog_is_what_the_schema_gives(composed: list[dict[str, str]]) -> None:
    with CATALOG.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert list(reader) == composed, "run python -m stages.compose and commit the result"
        assert reader.fieldnames == list(COLUMNS)
    assert b"\r" not in CATALOG.read_bytes()


def test_the_catalog_is_as_large_as_promised(composed: list[dict[str, str]]) -> None:
    assert 2200 <= len(composed) <= 2800
    assert len({row["dcid"].split("/")[0] for row in composed}) >= 25
    assert all(len(alternatives(row)) == 3 for row in composed)


def test_no_text_stands_under_two_variables(composed: list[dict[str, str]]) -> None:
    owners: dict[str, str] = {}
    for row in composed:
        for text in (row["Name"], row["Description"], *alternatives(row)):
            assert owners.setdefault(text.casefold(), row["dcid"]) == row["dcid"], text


def test_no_text_is_taken_from_a_variable_of_the_small_catalog(
    composed: list[dict[str, str]],
) -> None:
    folders = Path("data/autogen_input/small"), Path("data/alternatives")
    small = {
        text for folder in folders for path in folder.glob("*.csv") for text in read_texts(path)
    }
    for row in composed:
        for text in (row["dcid"], row["Name"], row["Description"], *alternatives(row)):
            assert text.casefold() not in small, f"{row['dcid']}: {text}"


def test_adding_a_family_moves_no_other_row() -> None:
    bread, cake = schema(bread=BREAD), schema(bread=BREAD, cake=said_of(BREAD, "cake"))
    assert compose(cake)[: 3 * 3] == compose(bread)
    # Before the others, it moves them down and leaves them as they were.
    cake = schema(cake=said_of(BREAD, "cake"), bread=BREAD)
    assert compose(cake)[3 * 3 :] == compose(bread)


def test_every_alternative_says_every_facet() -> None:
    for row in compose(schema(bread=BREAD)):
        slugs = row["dcid"].removeprefix("bread/").split("_")
        for facet, slug in zip(("sexes", "ages"), slugs, strict=True):
            for text in alternatives(row):
                said = any(word in text for word in words(facet, slug))
                assert said == (slug != "all"), (row["dcid"], text)


def test_a_facet_left_unsaid_takes_its_bracket_with_it() -> None:
    names = {row["dcid"]: row["Name"] for row in compose(schema(bread=BREAD))}
    assert names["bread/all_all"] in ("Bread Eaters", "Eaters of Bread")
    assert names["bread/men_all"] in ("Bread Eaters, Men", "Eaters of Bread, Men")


def test_two_variables_with_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"bread/all_all and toast/all_all share the Name"):
        compose(schema(bread=named_alike(BREAD), toast=named_alike(said_of(BREAD, "toast"))))


def test_an_alternative_that_another_variable_has_gives_way() -> None:
    toast = {**said_of(BREAD, "toast"), "alternatives": ALTERNATIVES}
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
def test_a_mistake_in_a_family_is_told(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        schema(bread={**BREAD, **change})


def test_a_mistake_in_the_file_is_one_line_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text("facets:\n  sexes: {men: {name: Men}}\nfamilies: {}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"schema.yaml: facets.sexes.men.description: Field req"):
        read_schema(path)
    path.write_text("facets: {}\nfamilies: {}\nfacets: {}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 3: 'facets' is given twice"):
        read_schema(path)

"""What the documents say is what the files hold."""

import csv
import json
from pathlib import Path

import starter

from findtune.tabular import MARKERS, table

CARD = Path("data/README.md").read_text(encoding="utf-8")
README = Path("README.md").read_text(encoding="utf-8")


def rows(pattern: str) -> list[dict[str, str]]:
    """Return the rows of all CSV files that a pattern under data/ finds."""
    found: list[dict[str, str]] = []
    for path in sorted(Path("data").glob(pattern)):
        with path.open(encoding="utf-8", newline="") as file:
            found += csv.DictReader(file)
    return found


def listed(cells: list[str]) -> int:
    return sum(len(cell.split(";")) for cell in cells if cell)


@starter.needs_feedback
@starter.needs_catalog
def test_the_readme_shows_the_measures_that_were_committed() -> None:
    start, end = MARKERS
    tables = [
        table(name, json.loads(Path(f"metrics/{name}.json").read_text(encoding="utf-8")))
        for name in ("embedder/small", "reranker/small", "rewriter/small")
    ]
    assert README.split(start)[1].split(end)[0].strip() == "\n\n".join(tables)


@starter.needs_catalog
def test_the_data_card_counts_the_written_catalog() -> None:
    small = rows("autogen_input/small/*.csv")
    descriptions = listed([row["Description"] for row in small])
    curated = listed([row["Curated_Alternatives"] for row in small])
    told = f"{len(small)} variables: a name each, {descriptions} descriptions, {curated} curated"
    assert told in CARD
    others = listed([row["Alternatives"] for row in rows("alternatives/*.csv")])
    assert f"{others} further alternatives" in CARD


@starter.needs_catalog
def test_the_data_card_counts_the_composed_catalog() -> None:
    medium = rows("autogen_input/medium/*.csv")
    alternatives = listed([row["Curated_Alternatives"] for row in medium])
    assert f"{len(medium)} variables with {alternatives} alternatives" in CARD


@starter.needs_catalog
def test_the_data_card_counts_the_scored_pairs_by_case() -> None:
    scores = [float(row["score"]) for row in rows("finetuning/*.csv")]
    assert f"{len(scores)} scored pairs" in CARD
    for low, high, words in (
        (0.0, 0.1, "that must stay apart"),
        (0.2, 0.4, "with another population"),
        (0.5, 0.6, "not wrong but no priority"),
        (0.8, 1.0, "the same in other words"),
    ):
        assert f"{sum(low <= score <= high for score in scores)} {words}" in CARD
    assert f"{len(rows('guard/*.csv'))} pairs of everyday English" in CARD


def test_the_readme_names_every_file_of_the_tree() -> None:
    for name in ("params.yaml", "dvc.yaml", "Makefile", "data/", "stages/", "findtune/"):
        assert f"    {name}" in README
        assert Path(name).exists()

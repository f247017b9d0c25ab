"""A catalog may be missing as a whole, but not the part of it that says what its variables are."""

from pathlib import Path
from typing import Any

import pytest


def test_without_a_catalog_the_embedder_learns_from_feedback_and_one_line_says_so(
    project: Any,
) -> None:
    result = project.run("embedder/catalog")
    assert result.stderr.count("\n") == 1
    assert "data/autogen_input/small holds no *.csv file" in result.stderr
    assert "the embedder learns from feedback alone" in result.stderr
    assert Path("data/clean/embedder/catalog.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    "left", ["autogen_input/medium/ice.csv", "alternatives/tea.csv", "autogen_input/small/tea.xlsx"]
)
def test_a_catalog_whose_small_part_is_missing_stops_the_run(project: Any, left: str) -> None:
    project.write(left, "dcid,Name,Alternatives\nice,Ice,frost\n")
    assert "data/autogen_input/small holds no *.csv file" in project.stop("embedder/catalog")

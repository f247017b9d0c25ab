"""add_size adds a size to params.yaml and changes nothing else."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from commands.add_size import main, with_items


def test_a_size_is_added_once_and_nothing_else_changes(project: Path) -> None:
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8")
    assert CliRunner().invoke(main, ["small"]).exit_code == 0
    assert path.read_text(encoding="utf-8") == before
    for _ in range(2):
        assert CliRunner().invoke(main, ["medium"]).exit_code == 0
    written = path.read_text(encoding="utf-8")
    assert written == before.replace("[small]", "[small, medium]")
    assert yaml.safe_load(written)["sizes"] == ["small", "medium"]


def test_an_unknown_size_is_refused_with_the_known_ones(project: Path) -> None:
    before = (project / "params.yaml").read_bytes()
    result = CliRunner().invoke(main, ["huge"])
    assert result.exit_code == 1
    assert "no embedder.huge; its sizes are small, medium" in result.stderr
    assert (project / "params.yaml").read_bytes() == before


def test_the_models_that_are_not_trained_are_skipped(project: Path) -> None:
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("skip: [reranker, rewriter]", "skip: []"), encoding="utf-8")
    result = CliRunner().invoke(main, ["small"])
    assert result.output == "params.yaml: skip is now [reranker, rewriter], the untrained models.\n"
    assert path.read_text(encoding="utf-8") == before
    assert CliRunner().invoke(main, ["small"]).output == ""


BLOCKS = """
sizes:   # what is built
  - "small"   # quick

# what is left out
skip:    # all lists
  - reranker   # there are no picks
  # nor searches
  - rewriter   # so far

# the seed
seed: 3
"""


@pytest.mark.parametrize(
    ("models", "old", "new"),
    [
        ([], "", ""),
        (["rewriter"], "  - rewriter   # so far\n", ""),
        (["reranker"], "  - reranker   # there are no picks\n", ""),
    ],
)
def test_lists_of_one_item_a_line_keep_their_comments(
    project: Path, models: list[str], old: str, new: str
) -> None:
    path = project / "params.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    others = "".join(line for line in lines if not line.startswith(("sizes:", "skip:", "models:")))
    text = f"{others}models: {['embedder', *models]}\n"
    for model in models:
        text += f"{model}: {{small: {{}}, medium: {{}}}}\n"
    path.write_text(text + BLOCKS, encoding="utf-8")
    result = CliRunner().invoke(main, ["medium"], catch_exceptions=False)
    assert result.exit_code == 0
    expected = BLOCKS.replace('"small"   # quick\n', '"small"   # quick\n  - medium\n')
    assert path.read_text(encoding="utf-8") == text + expected.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a:  # b\n- c  # d\n# e\n- f\ng: 1\n", [], "a: []  # b\n# e\ng: 1\n"),
        ("a:\n- c", ["c", "d"], "a:\n- c\n- d\n"),
        ("a:\n- c # d\ne: 1\n", ["f"], "a:\n- f\ne: 1\n"),
        ("a: ['c',   d]   # e\n", ["c", "f"], "a: ['c', f]   # e\n"),
        ("a: []   # e\n", ["f"], "a: [f]   # e\n"),
    ],
)
def test_items_are_added_and_removed_where_they_stand(
    text: str, values: list[str], expected: str
) -> None:
    written = with_items(text, "a", values)
    assert written == expected
    assert yaml.safe_load(written)["a"] == values

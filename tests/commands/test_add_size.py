"""add_size adds a size to params.yaml and changes nothing else."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from commands.add_size import main


def test_a_size_is_added_once_and_nothing_else_changes(project: Path) -> None:
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8")
    assert CliRunner().invoke(main, ["small"]).exit_code == 0
    assert path.read_text(encoding="utf-8") == before
    for _ in range(2):
        assert CliRunner().invoke(main, ["medium"]).exit_code == 0
    written = path.read_text(encoding="utf-8")
    assert written == before.replace("[small]", "[small, medium]").replace("   #", " #")
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
    assert result.output == "params.yaml: skip is now [reranker, rewriter], what models lacks.\n"
    assert path.read_text(encoding="utf-8") == before
    assert CliRunner().invoke(main, ["small"]).output == ""

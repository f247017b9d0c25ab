"""add_export adds models to export.models and changes nothing else."""

from pathlib import Path

from click.testing import CliRunner

from commands.add_export import main


def test_models_are_added_once_and_nothing_else_changes(project: Path) -> None:
    path = project / "params.yaml"
    path.write_text("seed: 13  # of all\nexport:\n  models: []\n  max_loss: 0.005\n", "utf-8")
    for models in (["reranker"], ["embedder", "reranker"]):
        assert CliRunner().invoke(main, models, catch_exceptions=False).exit_code == 0
    expected = "seed: 13  # of all\nexport:\n  models: [reranker, embedder]\n  max_loss: 0.005\n"
    assert path.read_text(encoding="utf-8") == expected


def test_a_rewriter_is_refused(project: Path) -> None:
    result = CliRunner().invoke(main, ["rewriter"])
    assert "'rewriter' is not one of 'embedder', 'reranker'" in result.stderr

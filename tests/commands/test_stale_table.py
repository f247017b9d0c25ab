"""docs/operations.md says which stages an edit of the code makes stale, as dvc.yaml does."""

from pathlib import Path

import pytest

from commands.stale_table import DOCUMENT, MARKERS, resolved_stages, stale_table
from findtune.report.markdown import split_at_markers
from stages.export import MODELS

STAGES = {
    "train@embedder-small": {"deps": ["findtune/core", "findtune/embedder/training"]},
    "train@embedder-medium": {"deps": ["findtune/core", "findtune/embedder/training"]},
    "train@reranker-small": {"deps": ["findtune/core", "findtune/reranker/loss.py"]},
    "ingest@catalog": {"deps": ["findtune/core", "stages/ingest.py"]},
}


def test_the_committed_table_is_what_dvc_yaml_says() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    table = split_at_markers(document, MARKERS)[1].strip()
    assert table == stale_table(resolved_stages(MODELS)), "run python -m commands.stale_table"


def test_modules_with_the_same_stages_share_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("models: [embedder, reranker]\n", encoding="utf-8")
    modules = "core/files corelation embedder/training/fit embedder/training/loss"
    modules += " reranker/loss reranker/bias reranker/cards ../stages/ingest ../stages/__init__"
    for name in modules.split():
        path = Path("findtune", f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert stale_table(STAGES).splitlines()[2:] == [
        "| `findtune/core` | train, ingest |",
        "| `findtune/embedder` | train (embedder) |",
        "| `findtune/reranker`: bias, cards | none |",
        "| `findtune/reranker`: loss | train (reranker) |",
        "| `findtune`: corelation | none |",
        "| `stages` | ingest |",
    ]

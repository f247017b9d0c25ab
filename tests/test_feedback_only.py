"""A team with feedback and no catalog runs the whole pipeline without editing a file."""

import json
import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from findtune.tracking.parsing import parsed_once
from tests.fixtures.projects import run_stage_here

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # inside DVC


@pytest.mark.slow
def test_the_pipeline_runs_and_judges_the_embedder_on_lists(
    whole_pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(whole_pipeline, project, symlinks=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site_cache"))
    monkeypatch.setattr("dvc.stage.run._run", run_stage_here)
    for folder in ("autogen_input", "alternatives"):
        shutil.rmtree(Path("data", folder))
        Path("data", folder).mkdir()
    with Repo() as repo, parsed_once():
        ran = {stage.name for stage in repo.reproduce()}
    assert {"train@embedder-small", "stack@small", "report@small"} <= ran
    assert "train@reranker-small" not in ran
    metrics = json.loads(Path("metrics/embedder/small.json").read_text(encoding="utf-8"))
    lists = Path("metrics/embedder/small.per_query.csv").read_text(encoding="utf-8")
    assert lists.count("\n") == 1 + metrics["queries"] > 1
    assert Path("data/examples/embedder/small/corpus.jsonl").read_bytes() == b""

"""A team with a catalog and no feedback runs the whole pipeline without editing dvc.yaml."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from dvc.repo import Repo

from commands import add_size
from findtune.core.manifest import refuse_damaged
from stages import ingest
from tests.fixtures.projects import tiny_params

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # inside DVC


@pytest.fixture
def project(
    tiny_base: Path, tiny_t5: Path, ten_line_corpus: Path, tmp_path: Path
) -> Iterator[Path]:
    """Enter a project with a catalog, whose params.yaml lists the embedder alone."""
    folder = tmp_path / "project"
    for name in ("stages", "findtune"):
        shutil.copytree(name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ten_line_corpus, folder / "data")
    (folder / ".dvc").mkdir()
    for name in (
        "dvc.yaml",
        ".dvcignore",
        ".gitignore",
        ".dvc/config",
        "data/training_data/.gitkeep",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(name, folder / name)
    bases = {"embedder": tiny_base, "reranker": tiny_base, "rewriter": tiny_t5}
    content = tiny_params(bases) | {"models": ["embedder"]}
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site_cache"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.mark.slow
def test_the_pipeline_runs_and_judges_the_embedder_alone(project: Path) -> None:
    CliRunner().invoke(add_size.main, ["small"])
    with Repo(uninitialized=True) as repo:
        ran = {stage.name for stage in repo.reproduce()}
    assert {"skip@reranker-small", "share@embedder_lists", "stack@small", "report@small"} <= ran
    assert not {"train@reranker-small", "train@rewriter-small"} & ran
    assert json.loads(Path("metrics/embedder/small.json").read_text())["queries"] > 0
    assert Path("data/clean/embedder/ranked_lists.jsonl").read_bytes() == b""
    note = Path("data/clean/reranker/ranked_lists.report.csv").read_text(encoding="utf-8")
    assert "reranker is not trained, so none is needed" in note
    refuse_damaged(Path("models/reranker/small"))


def test_every_dependency_is_there_or_written_by_a_stage(project: Path) -> None:
    result = CliRunner().invoke(add_size.main, ["small"])
    assert result.output == "params.yaml: skip is now [reranker, rewriter], the untrained models.\n"
    with Repo(uninitialized=True) as repo:
        stages = repo.index.stages
        outs = [Path(out.fs_path) for stage in stages for out in stage.outs]
        deps = [Path(dep.fs_path) for stage in stages for dep in stage.deps]
    assert "train@rewriter-small" not in {stage.name for stage in stages}
    missing = [dep for dep in deps if not dep.exists() and not written(dep, outs)]
    assert missing == []


def written(path: Path, outs: list[Path]) -> bool:
    """Return whether a path is an output, in one, or a folder of some."""
    return any(path.is_relative_to(out) or out.is_relative_to(path) for out in outs)


def test_feedback_that_is_not_there_is_told_in_one_line(project: Path) -> None:
    result = CliRunner().invoke(ingest.main, ["reranker", "ranked_lists"])
    assert (result.exit_code, result.stderr.count("\n")) == (0, 1)
    assert "reranker is not trained, so none is needed" in result.stderr
    assert Path("data/clean/reranker/ranked_lists.jsonl").read_bytes() == b""
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["models"].append("reranker")
    Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    result = CliRunner().invoke(ingest.main, ["reranker", "ranked_lists"])
    assert result.exit_code == 1
    assert "remove reranker from `models` in params.yaml" in result.stderr

"""What the tests of commands share."""

from pathlib import Path
from shutil import copy, copyfile, copytree

import pytest
import yaml

from findtune.core.manifest import write_manifest

DATA = Path(__file__).parents[1] / "data"
PARAMS = DATA / "two_sizes.yaml"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the variables that commands set."""
    for name in (
        *("HF_HUB_OFFLINE", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_THREAD_TIMEOUT"),
        "HF_HUB_DISABLE_TELEMETRY",
    ):
        monkeypatch.setenv(name, "1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with a params.yaml."""
    copyfile(PARAMS, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def team(
    ten_line_corpus: Path,
    forty_lists: Path,
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Enter a project with tiny models and recipes; return a folder outside with other data."""
    project, outside = tmp_path / "project", tmp_path / "team"
    copytree(ten_line_corpus / "guard", project / "data" / "guard")
    copytree(forty_lists, outside)
    for model in ("embedder", "reranker", "rewriter"):
        base = project / "models" / "base" / model / "small"
        copytree(tiny_base, base)
        write_manifest(base)
    copy("dvc.yaml", project)
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    tiny = yaml.safe_load((DATA / "tiny_params.yaml").read_text(encoding="utf-8"))
    for model in ("embedder", "reranker", "rewriter"):
        content["prepare"][model]["small"] |= tiny["prepare"][model]
        content[model]["small"] |= tiny[model]
    # enough for every fold to leave the random weights
    content["reranker"]["small"] |= {"distil": {"epochs": 4, "learning_rate": 1.0e-2}}
    (project / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.chdir(project)
    return outside

"""The stage export keeps copies that lose little, with measures and times, and no others."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from findtune.core.files import write_jsonl
from findtune.core.manifest import refuse_damaged, write_manifest
from stages.export import main

DOCUMENTS = ["price of bread", "people who are out of work", "rice that is harvested"]


@pytest.fixture
def project(
    tiny_base: Path, encoder_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Enter a project with an embedder that is its own base; its copies are there already."""
    for folder in ("models/base/embedder/small", "models/embedder/small"):
        shutil.copytree(tiny_base, tmp_path / folder)
        write_manifest(tmp_path / folder)
    rows = [
        {"kind": "list", "query": text, "documents": DOCUMENTS, "picked": picked, "group": text}
        for text, picked in (("bread", [1, 0, 0]), ("work", [0, 1, 0]), ("rice", [0, 0, 1]))
    ]
    write_jsonl(tmp_path / "data/examples/embedder/small/test.jsonl", rows)
    write_jsonl(tmp_path / "data/examples/embedder/small/corpus.jsonl", [])
    write_params(tmp_path, max_loss=1.0)

    def copy(_: object, path: Path) -> None:
        shutil.copyfile(encoder_copy, path)

    monkeypatch.setattr("findtune.stack.int8.making.write_int8", copy)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(folder: Path, max_loss: float) -> None:
    content = {"seed": 13, "export": {"models": ["embedder"], "max_loss": max_loss}}
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_copies_are_kept_with_their_measures_and_times(project: Path) -> None:
    result = CliRunner().invoke(main, ["embedder", "small"], catch_exceptions=False)
    assert "tuned, feedback: ndcg@10 " in result.stdout
    assert "embed one question, p50 ms: " in result.stdout
    refuse_damaged(project / "models/export/embedder/small")
    metrics = json.loads((project / "metrics/export/embedder/small.json").read_text("utf-8"))
    assert set(metrics) == {"base", "tuned", "bytes"}
    before, after = (metrics["tuned"]["feedback"][name]["ndcg@10"] for name in ("fp32", "int8"))
    difference = metrics["tuned"]["feedback"]["difference"]["mean"]
    assert difference == pytest.approx(after - before, abs=2e-4)
    times = (project / "metrics/export/embedder/small.latency.csv").read_text("utf-8")
    assert times.startswith("what,unit,fp32,int8\n")


def test_a_copy_that_loses_too_much_is_not_kept(project: Path) -> None:
    write_params(project, max_loss=-2.0)  # no copy can gain so much
    result = CliRunner().invoke(main, ["embedder", "small"])
    assert result.exit_code == 1
    assert "the tuned embedder loses" in result.stderr
    assert "nothing was kept" in result.stderr
    assert not [*project.glob("models/export/embedder/*")]
    assert not (project / "metrics").exists()

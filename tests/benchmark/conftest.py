"""A project small enough to train in a second."""

from pathlib import Path
from shutil import copytree

import pytest
import yaml

from findtune.benchmark.project import Project
from findtune.core.files import write_jsonl

TINY_PARAMS = Path(__file__).parents[1] / "data" / "tiny_params.yaml"


@pytest.fixture
def project(tiny_base: Path, tmp_path: Path) -> Project:
    """Return a project with an embedder's base, sixteen positive pairs and six scored ones."""
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["embedder"]["small"] |= yaml.safe_load(TINY_PARAMS.read_text("utf-8"))["embedder"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    copytree(tiny_base, tmp_path / "models" / "base" / "embedder" / "small")
    positives = [
        {
            "kind": "positive",
            "anchor": f"variable {n}",
            "positive": f"wording {n}",
            "label": 0.9,
            "dcid": f"v/{n}",
            "negatives": [],
        }
        for n in range(16)
    ]
    scored = [
        {"kind": "scored", "sentence_1": f"births {n}", "sentence_2": "deaths", "score": 0.1}
        for n in range(6)
    ]
    picks = [{"kind": "pick", "query": "q", "positive": "p", "negatives": ["n"]}]
    train = tmp_path / "data" / "examples" / "embedder" / "small" / "train.jsonl"
    write_jsonl(train, [*positives, *scored, *picks])
    return Project(tmp_path, "small")

"""The stage judges what models there are, saves what ships, and says so in one line."""

import csv
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

import findtune.stack
from findtune.core.files import read_jsonl, write_jsonl
from findtune.core.manifest import refuse_damaged, write_manifest
from stages.stack import main

if TYPE_CHECKING:
    from findtune.stack.parts import Parts

SETTINGS = {"rerank_depth": 3, "max_questions": 4, "max_corpus_documents": 100}
SETTINGS |= {"latency_questions": 1}
SETTINGS_OF_PRF = {"fb_docs": 1, "rank_constant": 60, "original_query_weight": 1}


@pytest.fixture
def project(
    parts: "Parts", rewriter_examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Enter a project whose team has no other model than a rewriter."""
    content = {
        "seed": 13,
        "models": ["rewriter"],
        "stack": {"small": SETTINGS | {"prf": SETTINGS_OF_PRF}},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shutil.copytree(rewriter_examples, tmp_path / "data/examples/rewriter/small")
    write_jsonl(tmp_path / "data/clean/stack/search_grades.jsonl", [])
    for room in ("embedder", "rewriter"):
        shutil.copytree(parts.bases[room], tmp_path / "models/base" / room / "small")
    shutil.copytree(parts.tuned["rewriter"], tmp_path / "models/rewriter/small")
    for folder in tmp_path.glob("models/**/small"):
        write_manifest(folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_team_with_one_model_gets_a_stack_of_it(project: Path) -> None:
    result = CliRunner().invoke(main, ["small"], catch_exceptions=False)
    assert result.stdout.startswith("VERDICT: ")
    assert result.stdout.count("\n") == 1
    metrics = json.loads((project / "metrics/stack/small.json").read_text(encoding="utf-8"))
    document = (project / "metrics/stack/small.md").read_text(encoding="utf-8")
    assert document.endswith(result.stdout)
    assert "- reranker: missing" in document
    assert "- rewriter: learned from" in document
    assert findtune.stack.load("models/stack/small").cell.name == metrics["ships"]
    lines = Path("metrics/stack/small.grid.csv").read_text(encoding="utf-8").splitlines()
    grid = list(csv.DictReader(lines))
    assert {row["reranker"] for row in grid} == {"none"}
    assert sum(row["split"] == "dev" for row in grid) == 4 * 3
    times = Path("metrics/stack/small.latency.csv").read_text(encoding="utf-8")
    assert times.startswith("cell,part,p50_ms,p95_ms\n")
    pooled = read_jsonl(project / "data/pool/small.jsonl")
    assert len(pooled) == metrics["queries"] + metrics["dev_queries"]
    assert any(row["urls"] for row in pooled)  # some may find nothing


def test_a_stack_has_a_manifest_and_is_not_judged_with_a_damaged_model(project: Path) -> None:
    CliRunner().invoke(main, ["small"], catch_exceptions=False)
    refuse_damaged(project / "models/stack/small")
    name = "models/base/embedder/small/config.json"
    (project / name).write_text((project / name).read_text() + " ")
    result = CliRunner().invoke(main, ["small"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {name} has changed since it was written; `make")


def test_no_file_of_metrics_holds_a_question_or_a_document(project: Path) -> None:
    CliRunner().invoke(main, ["small"], catch_exceptions=False)
    examples = project / "data/examples/rewriter/small"
    records = map(json.loads, (examples / "test.jsonl").read_text(encoding="utf-8").splitlines())
    questions = [record["query"] for record in records]
    assert questions
    for path in (project / "metrics/stack").iterdir():
        content = path.read_text(encoding="utf-8")
        assert not [question for question in questions if question in content], path


def test_the_same_models_give_the_same_bytes(project: Path) -> None:
    contents = []
    for _ in range(2):
        CliRunner().invoke(main, ["small"], catch_exceptions=False)
        files = [*Path("metrics/stack").iterdir(), *Path("models/stack").rglob("*.*")]
        files += Path("data/pool").iterdir()
        written = [path for path in files if "latency" not in path.name and path.is_file()]
        contents.append({path: path.read_bytes() for path in written})
    assert contents[0] == contents[1]

"""The stages that people call beside the pipeline."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from stages.enlist import main as enlist
from stages.show import main as show
from stages.table import main as table

PARAMS = """\
# a comment that must stay
models: [embedder]
sizes: [small]   # and this one
embedder:
  small: {epochs: 1}
  medium: {epochs: 2}
base: {path: null}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a params.yaml, entered."""
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_size_is_added_once_and_nothing_else_changes(project: Path) -> None:
    for _ in range(2):
        assert CliRunner().invoke(enlist, ["medium"]).exit_code == 0
    written = (project / "params.yaml").read_text(encoding="utf-8")
    assert written == PARAMS.replace("[small]", "[small, medium]").replace("   #", " #")
    assert yaml.safe_load(written)["sizes"] == ["small", "medium"]


def test_a_listed_size_leaves_the_file_alone(project: Path) -> None:
    assert CliRunner().invoke(enlist, ["small"]).exit_code == 0
    assert (project / "params.yaml").read_text(encoding="utf-8") == PARAMS


def test_an_unknown_size_is_told_with_the_known_ones(project: Path) -> None:
    result = CliRunner().invoke(enlist, ["huge"])
    assert result.exit_code == 1
    assert "no embedder.huge; its sizes are small, medium" in result.stderr
    assert (project / "params.yaml").read_text(encoding="utf-8") == PARAMS


def test_the_table_tells_base_tuned_and_the_verdict(project: Path) -> None:
    delta = {"measure": "ndcg@10", "mean": 0.1, "ci_low": 0.05, "ci_high": 0.15, "queries": 7}
    metrics = {
        "base": {"ndcg@10": 0.5},
        "tuned": {"ndcg@10": 0.6},
        "delta": delta,
        "queries": 7,
        "scored_pairs": 3,
        "interpolation": 0.8,
        "verdict": "WIN",
    }
    path = project / "metrics" / "embedder" / "small.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(metrics), encoding="utf-8")
    told = CliRunner().invoke(table, ["embedder/small"]).stdout
    assert "| ndcg@10 | 0.5000 | 0.6000 | +0.1000 |" in told
    assert "[+0.0500, +0.1500]" in told
    assert "**WIN** over 7 queries" in told


def test_a_table_of_what_was_never_evaluated_is_one_clear_error(project: Path) -> None:
    result = CliRunner().invoke(table, ["embedder/small"])
    assert result.exit_code == 1
    assert "there is no metrics/embedder/small.json; `make train` makes it." in result.stderr


def test_what_was_never_made_is_one_clear_error(project: Path) -> None:
    result = CliRunner().invoke(show, ["rewriter", "small"])
    assert result.exit_code == 1
    made = "`make train` makes what comes before this stage."
    assert result.stderr == (f"Error: there is no data/pairs/rewriter/small/train.jsonl; {made}\n")


@pytest.mark.parametrize(
    "question",
    [
        "a `id` b $(id) c $HOME",
        '"couette flow" at 5$ per mile',
        "it's #1; rm -r x",
        "a $(shell touch pwn) b",
        "what is $(foo",
        "-5 degrees, how warm?",
    ],
)
def test_a_question_reaches_the_rewriter_as_it_was_typed(tmp_path: Path, question: str) -> None:
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    python = tools / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "requirements.torch.lock", "pyproject.toml"):
        shutil.copy(name, tmp_path)
    (tools / ".ready").touch()
    found = subprocess.run(
        ["make", "rewrite", f"Q={question}"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == ["-m", "stages.rewrite", "small", "--", question]
    assert not (tmp_path / "pwn").exists()


def test_a_file_that_no_stage_makes_is_no_mistake_of_a_user(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("stages.show.import_module", gone)
    result = CliRunner().invoke(show, ["rewriter", "small"])
    assert isinstance(result.exception, FileNotFoundError)


def test_show_tells_source_reason_and_the_facet_that_differs(project: Path) -> None:
    positive = {
        "kind": "positive",
        "dcid": "jobs/men",
        "anchor": "men at work",
        "positive": "Employed Men",
        "label": 0.85,
        "why": "generated alternative and name",
        "sources": ["alternatives/jobs.csv:2", "small/jobs.csv:5"],
        "negatives": [{"dcid": "jobs/women", "text": "Employed Women", "differs": "men / women"}],
    }
    scored = {"kind": "scored", "sentence_1": "poor", "sentence_2": "jail", "score": 0.01}
    folder = project / "data" / "pairs" / "embedder" / "small"
    folder.mkdir(parents=True)
    records = [positive, scored | {"sources": ["pairs.csv:9"]}]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")
    told = CliRunner().invoke(show, ["embedder", "small"]).stdout
    assert "generated alternative and name: 1 in train" in told
    assert "0.85  men at work  |  Employed Men" in told
    assert "alternatives/jobs.csv:2 and small/jobs.csv:5" in told
    assert "not  Employed Women  (a sibling; differs in men / women)" in told
    assert "0.01  poor  |  jail" in told
    assert "pairs.csv:9" in told

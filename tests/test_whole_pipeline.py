"""The pipeline as DVC runs it: first a small one completely, then only what an edit makes stale."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from dvc.repo import Repo

from commands.stale_table import resolved_stages
from findtune.report.markdown import MEANINGS
from findtune.tracking.lock import read_lock
from stages import evaluate, stack

ROOMS = ("embedder", "reranker", "rewriter")
DIFFERENCE = {"measure", "mean", "ci_low", "ci_high", "p_value", "minimum_detectable_effect"}
ENTRIES = resolved_stages()
FEEDBACK = sorted(name for name in ENTRIES if "data/training_data" in ENTRIES[name]["deps"])
Params = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # inside DVC


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in files_in(folder)
    }


def write_params(project: Path, content: Params) -> None:
    text = yaml.safe_dump(content, sort_keys=False)
    (project / "params.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def dvc_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let DVC run its stages offline, with this Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site_cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def built(whole_pipeline: Path, dvc_environment: None) -> Path:
    """Return a project in which the whole pipeline ran once. No test changes it."""
    assert sorted(read_lock(whole_pipeline / "dvc.lock")) == sorted(ENTRIES)
    return whole_pipeline


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the built project that a test may edit."""
    return copytree(built, tmp_path / "project")


def repro(project: Path, *targets: str, **options: bool) -> list[str]:
    """Do what `dvc repro` does, and return the names of the stages that it ran, sorted."""
    with chdir(project), Repo() as repo:
        return sorted(stage.name for stage in repo.reproduce(targets, **options))


def stale_stages(project: Path) -> list[str]:
    """Return the names of the stages that `dvc status` lists, sorted."""
    with chdir(project), Repo() as repo:
        return sorted(repo.status())


@pytest.mark.parametrize("room", ROOMS)
def test_the_metrics_have_the_documented_keys(built: Path, room: str) -> None:
    metrics = json.loads((built / f"metrics/{room}/small.json").read_text("utf-8"))
    assert set(metrics["base"]) == set(metrics["tuned"]) <= set(MEANINGS)
    assert set(metrics["difference"]) - {"against"} == DIFFERENCE
    assert metrics["difference"]["measure"] in metrics["base"]
    assert metrics["interpolation"] in (0, 0.5, 1)
    assert metrics["verdict"] in ("WIN", "INCONCLUSIVE", "REGRESSION")
    per_query = (built / f"metrics/{room}/small.per_query.csv").read_text(encoding="utf-8")
    details = (built / f"metrics/{room}/small.details.csv").read_text(encoding="utf-8")
    queries = metrics["queries"] + metrics.get("new_variables_queries", 0)
    assert per_query.count("\n") == 1 + queries > 1
    assert details.count("\n") > 1


@pytest.mark.parametrize(
    ("room", "kind", "field"),
    [
        ("embedder", "positive", "anchor"),
        ("reranker", "list", "query"),
        ("rewriter", "rewrite", "query"),
    ],
)
def test_the_model_and_its_card_hold_no_training_text(
    built: Path, room: str, kind: str, field: str
) -> None:
    train = (built / f"data/examples/{room}/small/train.jsonl").read_text("utf-8").splitlines()
    records = [record for record in map(json.loads, train) if record["kind"] == kind]
    texts = [record[field].encode() for record in records]
    files = files_in(built / f"models/{room}/small")
    assert texts
    assert {"history.csv", "sweep.csv", "training.json"} <= {path.name for path in files}
    for path in [*files, built / f"metrics/{room}/small.card.md"]:
        content = path.read_bytes()
        assert not [text for text in texts if text in content], path


@pytest.mark.parametrize("room", ROOMS)
def test_training_json_names_the_seed_and_the_data(built: Path, room: str) -> None:
    training = json.loads((built / f"models/{room}/small/training.json").read_text("utf-8"))
    files = hashes(built / f"data/examples/{room}/small").items()
    examples = {name: digest for name, digest in files if name.endswith(".jsonl")}
    assert (training["seed"], training["examples"]) == (13, examples)
    card = (built / f"metrics/{room}/small.card.md").read_text(encoding="utf-8")
    assert all(digest in card for digest in examples.values())


def test_the_outputs_name_no_path_of_the_machine(built: Path) -> None:
    for folder in ("models", "metrics", "data/clean", "data/examples"):
        for path in files_in(built / folder):
            assert str(built).encode() not in path.read_bytes(), path


def test_after_a_touch_and_an_edit_without_effect_only_the_edited_file_is_read_again(
    project: Path,
) -> None:
    for pattern in ("data/*/*.csv", "data/*/*.json", "stages/*.py", "findtune/**/*.py", "*.yaml"):
        for path in project.glob(pattern):
            path.touch()
    with (project / "data/alternatives/written.csv").open("a", encoding="utf-8") as file:
        file.write("\n\n")
    assert repro(project) == ["ingest@catalog"]


def test_an_edit_of_the_code_makes_the_stages_stale_that_use_it(project: Path) -> None:
    assert stale_stages(project) == []
    for name in ("findtune/report/card.py", "findtune/embedder/evaluation/evaluate.py"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write("# an edit\n")
    cards = [f"card@{room}-small" for room in ROOMS]
    assert stale_stages(project) == [*cards, "evaluate@embedder-small", "report@small"]


@pytest.mark.parametrize(
    ("file", "old", "new", "ingest", "rooms"),
    [
        ("alternatives/written.csv", ";", ";the ", ["ingest@catalog"], ["embedder"]),
        pytest.param(
            "training_data/reranker_*.json",
            "Rice Harvest",
            "Rice Crop",
            FEEDBACK,
            ["embedder", "reranker"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "training_data/query_*.json",
            "catalog.example",
            "b.example",
            FEEDBACK,
            ["rewriter"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_edited_data_make_only_the_stages_stale_that_learn_from_them(
    project: Path, file: str, old: str, new: str, ingest: list[str], rooms: list[str]
) -> None:
    [path] = project.glob(f"data/{file}")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    ran = repro(project, "ingest", *(f"prepare@{name}-small" for name in ROOMS))
    shared = ["share@embedder_lists"] if "reranker" in rooms else []
    assert ran == [*ingest, *(f"prepare@{room}-small" for room in rooms), *shared]
    stale = [f"{stage}@{room}-small" for stage in ("evaluate", "train") for room in rooms]
    assert stale_stages(project) == sorted([*stale, "report@small", "stack@small"])


def test_a_misspelt_parameter_stops_the_run_with_one_error_and_no_traceback(project: Path) -> None:
    content = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    settings = content["prepare"]["embedder"]["small"]
    settings["qery_share"] = settings.pop("query_share")
    write_params(project, content)
    ran = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=project, capture_output=True, text=True
    )
    output = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert "Traceback" not in output
    [error] = [line for line in output.splitlines() if line.startswith("Error:")]
    assert "prepare.embedder.small.query_share is missing" in error
    assert "prepare.embedder.small.qery_share is not a known key" in error
    assert ran.stdout.count("Running stage") == 1


@pytest.mark.parametrize("room", ["embedder", "base/rewriter"])
def test_a_flipped_bit_in_a_model_stops_what_reads_it(project: Path, room: str) -> None:
    name = f"models/{room}/small/config.json"
    content = bytearray((project / name).read_bytes())
    content[5] ^= 1
    (project / name).unlink()  # a link into the cache
    (project / name).write_bytes(content)
    with chdir(project):
        model = room.removeprefix("base/")
        for stage, arguments in ((evaluate, [model, "small"]), (stack, ["small"])):
            result = CliRunner().invoke(stage.main, arguments)
            assert result.exit_code == 1
            assert result.stderr.startswith(
                f"Error: {name} has changed since it was written; `make"
            )


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(project: Path) -> None:
    before = (project / "dvc.lock").read_text(encoding="utf-8")
    assert repro(project, force=True, run_cache=False) == sorted(ENTRIES)
    assert (project / "dvc.lock").read_text(encoding="utf-8") == before


@pytest.mark.slow
def test_every_contestant_of_the_benchmark_runs(project: Path) -> None:
    copytree("commands", project / "commands", ignore=ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "commands.bench", "small", "--quality", "--out", "table.md"]
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    table = (project / "table.md").read_text(encoding="utf-8")
    for title in ("embedder training, plain recipe", "reranker training", "rewriting", "encoding"):
        assert f"| {title}" in table
    assert "one question | stack: total, p95 ms" in table

"""The pipeline as DVC runs it: first a small one completely, then only what an edit makes stale."""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from findtune.report.markdown import MEANINGS

TINY_PARAMS = Path(__file__).parent / "data" / "tiny_params.yaml"
ROOMS = ("embedder", "reranker", "rewriter")
DIFFERENCE = {"measure", "mean", "ci_low", "ci_high", "p_value", "minimum_detectable_effect"}
CSV_KINDS = ("catalog", "guard", "sentence_pairs")
JSON_KINDS = (
    "corpus",
    "preferences",
    "ranked_lists",
    "reranker_judgments",
    "rewriter_judgments",
    "searches",
)
FEEDBACK = [f"ingest@{kind}" for kind in JSON_KINDS]
# The stages that follow from the clean data of a room.
LEARNING = {
    room: [f"{stage}@{room}-small" for stage in ("card", "evaluate", "prepare", "train")]
    for room in ROOMS
}
BASES = [f"base@{room}-small" for room in ROOMS]
STAGES = sorted(
    [*BASES, *(f"ingest@{kind}" for kind in CSV_KINDS), *FEEDBACK, *sum(LEARNING.values(), [])]
)
Params = dict[str, Any]


def params(bases: dict[str, Path]) -> Params:
    """Return params.yaml with bases, splits and recipes for a few lines of data."""
    content: Params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    tiny = yaml.safe_load(TINY_PARAMS.read_text(encoding="utf-8"))
    content["sizes"] = ["small"]
    for room in content["models"]:
        content["base"][room]["small"] |= {"name": "tiny", **local(bases[room])}
        content["prepare"][room]["small"] |= tiny["prepare"][room]
        content[room]["small"] |= tiny[room]
    return content


def local(base: Path) -> Params:
    """Return the source and the hashes of a base model in a folder."""
    files = {
        path.relative_to(base).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(base.rglob("*"))
        if path.is_file()
    }
    return {"path": str(base), "wheel": None, "hub": None, "files": files}


def write_params(project: Path, content: Params) -> None:
    text = yaml.safe_dump(content, sort_keys=False)
    (project / "params.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def built(
    tiny_base: Path,
    tiny_t5: Path,
    ten_line_corpus: Path,
    forty_lists: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a project in which `dvc repro` ran once. No test changes it."""
    project = tmp_path_factory.mktemp("built")
    for folder in ("stages", "findtune"):
        shutil.copytree(folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ten_line_corpus, project / "data")
    shutil.copytree(forty_lists, project / "data" / "training_data")
    (project / ".dvc").mkdir()
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config"):
        shutil.copyfile(name, project / name)
    bases = {"embedder": tiny_base, "reranker": tiny_base, "rewriter": tiny_t5}
    write_params(project, params(bases))
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    assert repro(project) == STAGES
    return project


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Return a copy of the built project that a test may edit."""
    return shutil.copytree(built, tmp_path / "project")


def run_repro(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `dvc repro` offline, with the commands of this Python first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    cache = project.with_name(f"{project.name}.site")
    own = {"PATH": path, "DVC_SITE_CACHE_DIR": str(cache), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *options],
        cwd=project,
        env=os.environ | own,
        capture_output=True,
        text=True,
    )


def repro(project: Path, *options: str) -> list[str]:
    """Run `dvc repro` and return the names of the stages that it ran, sorted."""
    ran = run_repro(project, *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return stages_run(ran)


def stages_run(ran: subprocess.CompletedProcess[str]) -> list[str]:
    return sorted(re.findall(r"Running stage '(.+)'", ran.stdout))


def records(project: Path, room: str, split: str) -> list[Params]:
    path = project / f"data/examples/{room}/small/{split}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("room", ROOMS)
def test_the_metrics_have_the_documented_keys(built: Path, room: str) -> None:
    metrics = json.loads((built / f"metrics/{room}/small.json").read_text("utf-8"))
    assert set(metrics["base"]) == set(metrics["tuned"]) <= set(MEANINGS)
    assert set(metrics["difference"]) - {"against"} == DIFFERENCE
    assert metrics["difference"]["measure"] in metrics["base"]
    assert metrics["interpolation"] in (0, 0.5, 1)
    assert metrics["verdict"] in ("WIN", "INCONCLUSIVE", "REGRESSION")
    per_query = (built / f"metrics/{room}/small.per_query.csv").read_text(encoding="utf-8")
    assert len(per_query.splitlines()) == 1 + metrics["queries"] > 1
    details = (built / f"metrics/{room}/small.details.csv").read_text(encoding="utf-8")
    assert len(details.splitlines()) > 1


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
    train = [record for record in records(built, room, "train") if record["kind"] == kind]
    texts = [record[field].encode() for record in train]
    files = [path for path in (built / f"models/{room}/small").rglob("*") if path.is_file()]
    assert texts
    assert {"history.csv", "sweep.csv", "training.json"} <= {path.name for path in files}
    for path in [*files, built / f"metrics/{room}/small.card.md"]:
        content = path.read_bytes()
        assert not [text for text in texts if text in content], path


@pytest.mark.parametrize("room", ROOMS)
def test_training_json_names_the_seed_and_the_data(built: Path, room: str) -> None:
    training = json.loads((built / f"models/{room}/small/training.json").read_text("utf-8"))
    assert training["seed"] == 13
    examples = (built / f"data/examples/{room}/small").glob("*.jsonl")
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in examples}
    assert training["examples"] == hashes
    card = (built / f"metrics/{room}/small.card.md").read_text(encoding="utf-8")
    assert all(digest in card for digest in hashes.values())


def test_the_outputs_name_no_path_of_the_machine(built: Path) -> None:
    for folder in ("models", "metrics", "data/clean", "data/examples"):
        for path in [path for path in (built / folder).rglob("*") if path.is_file()]:
            assert str(built).encode() not in path.read_bytes(), path


def test_nothing_runs_twice_not_even_after_a_touch(project: Path) -> None:
    for pattern in ("data/*/*.csv", "data/*/*.json", "stages/*.py", "findtune/**/*.py", "*.yaml"):
        for path in project.glob(pattern):
            path.touch()
    assert repro(project) == []


def test_an_edit_that_leaves_the_clean_data_the_same_goes_no_further(project: Path) -> None:
    with (project / "data/alternatives/written.csv").open("a", encoding="utf-8") as file:
        file.write("\n\n")
    assert repro(project) == ["ingest@catalog"]


def test_an_edit_of_the_code_reruns_the_stages_that_use_it(project: Path) -> None:
    for name in ("findtune/report/card.py", "findtune/embedder/evaluation/evaluate.py"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write("# an edit\n")
    cards = [f"card@{room}-small" for room in ROOMS]
    assert repro(project) == sorted([*cards, "evaluate@embedder-small"])


def test_an_edited_alternative_reruns_only_what_depends_on_it(project: Path) -> None:
    path = project / "data/alternatives/written.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    edited = [f"{line};level of {line.split(',')[0]}" for line in lines]
    path.write_text("\n".join([header, *edited, ""]), encoding="utf-8")
    assert repro(project) == sorted(["ingest@catalog", *LEARNING["embedder"]])


@pytest.mark.parametrize(
    ("file", "old", "new", "room"),
    [
        ("reranker_training_data.json", "Rice Harvest", "Rice Crop", "reranker"),
        ("query_rewriting_training_data.json", "catalog.example", "other.example", "rewriter"),
    ],
)
def test_edited_feedback_reruns_only_what_learns_from_it(
    project: Path, file: str, old: str, new: str, room: str
) -> None:
    path = project / "data/training_data" / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    prepared = [f"prepare@{name}-small" for name in ROOMS]  # and no training, which takes long
    assert repro(project, *prepared, "ingest") == sorted([*FEEDBACK, f"prepare@{room}-small"])


def test_a_misspelt_parameter_stops_the_run_with_one_error_and_no_traceback(project: Path) -> None:
    content = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    settings = content["prepare"]["embedder"]["small"]
    settings["qery_share"] = settings.pop("query_share")
    write_params(project, content)
    ran = run_repro(project)
    output = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert "Traceback" not in output
    [error] = [line for line in output.splitlines() if line.startswith("Error:")]
    assert "prepare.embedder.small.query_share is missing" in error
    assert "prepare.embedder.small.qery_share is not a known key" in error
    assert stages_run(ran) == ["prepare@embedder-small"]


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(project: Path) -> None:
    before = (project / "dvc.lock").read_text(encoding="utf-8")
    assert repro(project, "--force", "--no-run-cache") == STAGES
    assert (project / "dvc.lock").read_text(encoding="utf-8") == before

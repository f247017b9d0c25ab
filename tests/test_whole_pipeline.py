"""The pipeline as DVC runs it: a small one whole, then only what an edit asks for."""

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

CUT = {"dev": 0.15, "test": 0.25, "fold": 0}
MACHINE = {"precision": "fp32", "threads": 1, "evaluations": 1, "interpolation": [0.5, 1.0]}
RECIPES = {
    "embedder": {
        "recipe": "joint",
        "epochs": 1,
        "batch_size": 4,
        "learning_rate": 3e-3,
        "guard_tolerance": 1.0,  # what a random encoder says of a few pairs is chance
        **MACHINE,
    },
    "reranker": {
        "distil": {"epochs": 1, "learning_rate": 3e-3},
        "tune": {"epochs": 1, "learning_rate": 1e-2},
        "lists_per_batch": 4,
        "max_length": 40,
        "shares": [1.0],  # nothing of the retriever, so that it shows what was tuned
        **MACHINE,
    },
    "rewriter": {
        "epochs": 1,
        "learning_rate": 3e-3,
        "best_of": {"epochs": 1, "learning_rate": 1e-3, "kept": 1},
        "counts": [2],
        "titles": [0, 1],
        "constants": [10],
        "questions": [1],
        "joins": [0],
        "drawing": {
            "prompt": "",
            "candidates": 4,
            "temperature": 0.8,
            "likeliest": 50,
            "longest_question": 24,
            "longest_rewrite": 8,
        },
        **MACHINE,
    },
}
PAIRS = {
    "embedder": {"variables": CUT, "scored_pairs": CUT},
    "reranker": {"lists": CUT | {"dev": 0.3}, "titles": {"lists": 4, "neighbours": 3}},
    "rewriter": {"questions": CUT | {"dev": 0.3}},
}
ROOMS = ("embedder", "reranker", "rewriter")
MEASURES = {
    "embedder": {
        "ndcg@10",
        "mrr@10",
        "recall@1",
        "recall@10",
        "pairs_spearman",
        "pairs_mae",
        "guard_spearman",
        "random_cosine",
    },
    "reranker": {"ndcg@3", "ndcg@10", "mrr@10", "map"},
    "rewriter": {
        "recall@10",
        "mrr@10",
        "exact_copy",
        "repeat",
        "drawn_kept",
        "entity_kept",
        "length_ratio",
        "rewrites",
    },
}
DECISIVE = {"embedder": "ndcg@10", "reranker": "ndcg@10", "rewriter": "recall@10"}
DELTA = {"measure", "mean", "ci_low", "ci_high", "p_value", "detectable"}
CURATED = ["ingest@catalog", "ingest@guard", "ingest@sentence_pairs"]
FEEDBACK = [
    f"ingest@{kind}"
    for kind in ("corpus", "judgments", "preferences", "qrels", "reranker", "rewriting")
]
# The stages that follow from the clean data of a room.
LEARNING = {
    room: [f"evaluate@{room}-small", f"pair@{room}-small", f"train@{room}-small"] for room in ROOMS
}
BASES = [f"base@{room}-small" for room in ROOMS]
STAGES = sorted([*BASES, *CURATED, *FEEDBACK, *(it for room in ROOMS for it in LEARNING[room])])
Params = dict[str, Any]


def params(bases: dict[str, Path]) -> Params:
    """Return params.yaml with bases, a split and a recipe for ten lines of data."""
    found: Params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    found["sizes"] = ["small"]
    for room in found["models"]:
        found["base"][room]["small"] |= {"name": "tiny", **local(bases[room])}
        found["pair"][room]["small"] |= PAIRS[room]
        found[room]["small"] |= RECIPES[room]
    return found


def local(base: Path) -> Params:
    """Return where a base in a folder comes from, and what its files must be."""
    files = {
        path.relative_to(base).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(base.rglob("*"))
        if path.is_file()
    }
    return {"path": str(base), "wheel": None, "hub": None, "files": files}


def write_params(project: Path, found: Params) -> None:
    text = yaml.safe_dump(found, sort_keys=False)
    (project / "params.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def built(
    tiny_base: Path,
    tiny_t5: Path,
    ten_line_corpus: Path,
    forty_lists: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A project in which `dvc repro` ran once; nobody changes it."""
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
    ran = repro(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert stages_run(ran) == STAGES
    return project


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A copy of the built project that a test may edit."""
    return shutil.copytree(built, tmp_path / "project")


def repro(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `dvc repro` with this Python's commands first, and offline."""
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


def stages_run(ran: subprocess.CompletedProcess[str]) -> list[str]:
    return sorted(re.findall(r"Running stage '(.+)'", ran.stdout))


def measured(project: Path, room: str) -> Params:
    found: Params = json.loads((project / f"metrics/{room}/small.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_the_metrics_have_the_designed_keys(built: Path, room: str) -> None:
    metrics = measured(built, room)
    assert set(metrics["base"]) == set(metrics["tuned"]) == MEASURES[room]
    assert set(metrics["delta"]) == DELTA | ({"against"} if room == "rewriter" else set())
    assert metrics["delta"]["measure"] == DECISIVE[room]
    assert metrics["interpolation"] in (0, 0.5, 1)
    assert metrics["queries"] > 0
    assert metrics["verdict"] in ("WIN", "MARGINAL", "REGRESSION")


def test_the_reranker_is_measured_beside_the_rankings_that_cost_nothing(built: Path) -> None:
    metrics = measured(built, "reranker")
    for name in ("shown", "bm25", "bi_encoder", "signals", "base", "tuned"):
        assert set(metrics[name]) == set(metrics[f"judged_{name}"]) == MEASURES["reranker"], name
    for name in ("delta_best", "delta_signals", "judged_delta"):
        assert set(metrics[name]) == DELTA | {"against"}, name
    assert metrics["delta_best"]["against"] in ("shown", "bm25", "bi_encoder", "base")
    assert set(metrics["relevance"]) == {"calibration_error", "brier"}
    assert 0 <= metrics["share"] <= 1
    short_and_long = [metrics.get(f"delta_{name}", {"queries": 0}) for name in ("short", "long")]
    assert sum(its["queries"] for its in short_and_long) == metrics["queries"]


def test_the_rewriter_is_measured_beside_the_question_alone(built: Path) -> None:
    metrics = measured(built, "rewriter")
    assert set(metrics["original"]) == {"recall@10", "mrr@10"}
    for name in ("original", "base", "tuned"):
        for by in ("vectors", "judged"):
            assert set(metrics[f"{by}_{name}"]) == {"recall@10", "mrr@10"}, name
    for name in ("delta_best", "vectors_delta", "judged_delta"):
        assert set(metrics[name]) == DELTA | {"against"}, name
    assert metrics["delta_best"]["against"] in ("original", "titles", "base")
    assert ("titles" in metrics) == (metrics["titles_searched"] > 0)
    assert metrics["rewrites"] in (0, 2)
    assert metrics["base"]["entity_kept"] == metrics["tuned"]["entity_kept"] == 1


DRAWS = 3  # of each rewriter, in evaluation


@pytest.mark.parametrize("room", ROOMS)
def test_every_query_and_every_pair_is_in_the_details(built: Path, room: str) -> None:
    metrics = measured(built, room)
    queries = metrics["queries"]
    lists = [it for it in records(built, room, "test") if it["kind"] == "list"]
    pairs = {
        "embedder": metrics.get("scored_pairs"),
        "reranker": sum(len(it["sources"]) for it in lists),
        "rewriter": sum(
            round(metrics[name].get("rewrites", 0) * queries * DRAWS) for name in ("base", "tuned")
        ),
    }
    for name, number in (("queries", queries), ("pairs", pairs[room])):
        details = (built / f"metrics/{room}/small.{name}.csv").read_text(encoding="utf-8")
        assert len(details.splitlines()) == 1 + number


def records(project: Path, room: str, part: str) -> list[Params]:
    """Return the records of a part that a room learns or is judged from."""
    lines = (project / f"data/pairs/{room}/small/{part}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


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
    texts = [it[field].encode() for it in records(built, room, "train") if it["kind"] == kind]
    files = [path for path in (built / f"models/{room}/small").rglob("*") if path.is_file()]
    assert texts
    assert "README.md" in {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [text for text in texts if text in content], path


def test_what_was_built_tells_nothing_of_the_machine(built: Path) -> None:
    for folder in ("models", "metrics", "data/clean", "data/pairs"):
        for path in [path for path in (built / folder).rglob("*") if path.is_file()]:
            assert str(built).encode() not in path.read_bytes(), path


def test_nothing_runs_twice_not_even_after_a_touch(project: Path) -> None:
    for pattern in ("data/*/*.csv", "data/*/*.json", "*/*.py", "findtune/*/*.py", "params.yaml"):
        for path in project.glob(pattern):
            path.touch()
    ran = repro(project)
    assert ran.returncode == 0, ran.stderr
    assert stages_run(ran) == []
    assert "up to date" in ran.stdout


def test_an_edit_that_leaves_the_clean_data_the_same_goes_no_further(project: Path) -> None:
    with (project / "data/alternatives/written.csv").open("a", encoding="utf-8") as file:
        file.write("\n\n")
    ran = repro(project)
    assert ran.returncode == 0, ran.stderr
    assert stages_run(ran) == ["ingest@catalog"]


def test_an_edited_alternative_reruns_only_what_depends_on_it(project: Path) -> None:
    path = project / "data/alternatives/written.csv"
    text = path.read_text(encoding="utf-8")
    edited = "".join(
        f"{line};level of {line.split(',')[0]}\n" if "," in line and at else f"{line}\n"
        for at, line in enumerate(text.splitlines())
    )
    path.write_text(edited, encoding="utf-8")
    ran = repro(project)
    assert ran.returncode == 0, ran.stderr
    assert stages_run(ran) == sorted(["ingest@catalog", *LEARNING["embedder"]])


def test_another_pick_reruns_only_what_learns_from_feedback(project: Path) -> None:
    path = project / "data/training_data/reranker_training_data.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    for it in found["reranker_data"]:
        it["positive_sources"].reverse()
    path.write_text(json.dumps(found), encoding="utf-8")
    ran = repro(project)
    assert ran.returncode == 0, ran.stderr
    assert stages_run(ran) == sorted([*FEEDBACK, *LEARNING["reranker"]])


def test_another_search_reruns_only_what_the_rewriter_learns_from(project: Path) -> None:
    path = project / "data/training_data/query_rewriting_training_data.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("https://catalog.example", "https://other.example"), "utf-8")
    ran = repro(project)
    assert ran.returncode == 0, ran.stderr
    assert stages_run(ran) == sorted([*FEEDBACK, *LEARNING["rewriter"]])


def test_a_misspelt_parameter_stops_the_run_with_one_error_and_no_traceback(project: Path) -> None:
    found = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    choices = found["pair"]["embedder"]["small"]
    choices["qeries"] = choices.pop("queries")
    write_params(project, found)
    ran = repro(project)
    told = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert "Traceback" not in told
    [error] = [line for line in told.splitlines() if line.startswith("Error:")]
    assert "pair.embedder.small.queries is missing" in error
    assert "pair.embedder.small.qeries is not a known key" in error
    assert stages_run(ran) == ["pair@embedder-small"]


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(project: Path) -> None:
    before = (project / "dvc.lock").read_text(encoding="utf-8")
    ran = repro(project, "--force", "--no-run-cache")
    assert ran.returncode == 0, ran.stderr
    assert stages_run(ran) == STAGES
    assert (project / "dvc.lock").read_text(encoding="utf-8") == before

"""Two processes train what one would, always the same bytes, and end together."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from findtune.core.files import sha256
from stages import rooms

pytestmark = pytest.mark.slow  # each training starts three Pythons with torch


@pytest.fixture
def project(whole_pipeline: Path, tiny_causal: Path, tmp_path: Path) -> Path:
    """Return a project whose models two processes train; they keep a checkpoint of each step.

    The rewriter is a causal model, as the shipped one is. Two trainings of this tiny T5 may differ
    in the last bits of its weights, in one process too.
    """
    folder = tmp_path / "project"
    shutil.copytree(whole_pipeline, folder)
    content = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    content["launch"] = {"processes": 2, "nodes": 1}
    content["rewriter"]["small"]["generation"]["prompt"] = "Rewrite the question."
    shutil.rmtree(folder / "models" / "base" / "rewriter" / "small")
    shutil.copytree(tiny_causal, folder / "models" / "base" / "rewriter" / "small")
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    edit(folder / "findtune/training/resumption.py", "MIN_SECONDS = 30.0", "MIN_SECONDS = 0.0")
    edit(folder / "findtune/training/resumption.py", "MAX_SHARE = 0.02", "MAX_SHARE = 1e9")
    edit(folder / "stages/train.py", "        checkpoints.remove()\n", "")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def start(project: Path, model: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "stages.train", model, "small"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=project, env=environment, text=True, stdout=pipe, stderr=pipe
    )


def trained(project: Path, model: str) -> tuple[dict[str, str], str]:
    """Train; return the SHA-256 of each file of the model and of all weights, and the lines."""
    folder = project / "models" / model / "small"
    shutil.rmtree(folder, ignore_errors=True)
    with start(project, model) as process:
        _, lines = process.communicate()
    assert process.returncode == 0, lines
    paths = [path for path in folder.rglob("*") if path.is_file()]
    weights = [*project.glob(".scratch/checkpoints/*/*/*/end/weights.safetensors")]
    assert weights  # also where the base ships
    return {str(path.relative_to(project)): sha256(path) for path in [*paths, *weights]}, lines


def measures(folder: Path) -> list[list[float]]:
    rows = csv.reader((folder / "history.csv").read_text(encoding="utf-8").splitlines()[1:])
    return [[float(value) for value in row] for row in rows]


@pytest.mark.parametrize("model", rooms.MODELS)
def test_two_processes_give_one_model_again_and_when_one_was_killed(
    project: Path, model: str
) -> None:
    alone = measures(project / "models" / model / "small")
    first, _ = trained(project, model)
    together = measures(project / "models" / model / "small")
    assert [row[0] for row in together] == [row[0] for row in alone]  # as many steps
    for ours, theirs in zip(together, alone, strict=True):
        if model != "rewriter":  # which was another model
            assert ours == pytest.approx(theirs, abs=0.02)
    for folder in (project / "models" / model / "small", project / ".scratch"):
        shutil.rmtree(folder)
    kill_one(project, model)
    again, lines = trained(project, model)
    assert "going on after" in lines or "trained before" in lines
    assert again == first


def kill_one(project: Path, model: str) -> None:
    """Train until a checkpoint is there, kill the second rank, and look at what is left."""
    with start(project, model) as process:
        wait_for_checkpoint(project, process)
        children = psutil.Process(process.pid).children()
        [second] = [child for child in children if child.environ().get("RANK") == "1"]
        second.send_signal(signal.SIGKILL)
        _, lines = process.communicate(timeout=60)
    assert process.returncode == 1
    errors = [line for line in lines.splitlines() if not line.startswith(f"{model} small: ")]
    assert [line for line in errors if line.startswith("Error: process 2 of 2 was ended by")]
    assert len([line for line in errors if line.strip()]) == 1, lines
    assert not [child for child in children if is_alive(child)]
    assert not (project / "models" / model / "small").exists()
    assert not [*(project / "models" / model).glob(".small*")]


def wait_for_checkpoint(project: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 240
    while not [*steps_in(project)]:
        assert process.poll() is None, "the training ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def steps_in(project: Path) -> Iterator[Path]:
    return project.glob(".scratch/checkpoints/*/*/*/step-*")


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_the_ranks_end_with_the_process_that_started_them(project: Path) -> None:
    with start(project, "embedder") as process:
        wait_for_checkpoint(project, process)
        children = psutil.Process(process.pid).children()
        process.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert len(children) == 2
    assert not [child for child in alive if is_alive(child)]


def test_an_error_of_the_user_is_said_once(project: Path) -> None:
    (project / "data" / "examples" / "embedder" / "small" / "dev.jsonl").unlink()
    with start(project, "embedder") as process:
        _, lines = process.communicate()
    assert process.returncode == 1
    assert lines.strip().count("Error: ") == 1, lines
    assert "Traceback" not in lines

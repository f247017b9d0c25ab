"""A training that fails leaves the model of the one before, and goes on where it was."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from findtune.core.files import sha256
from findtune.core.manifest import refuse_damaged
from findtune.training.checkpoints import Checkpoints
from stages import rooms, train

MODEL = Path("models/embedder/small")
PARAMS: dict[str, Any] = {
    "seed": 13,
    "launch": {"processes": 1, "nodes": 1},
    "embedder": {"small": {}},
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter a project with the parameters of one training."""
    monkeypatch.chdir(tmp_path)
    write_params()


def write_params(**changed: Any) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS | changed))


def run(monkeypatch: pytest.MonkeyPatch, weights: str, error: Exception | None = None) -> Result:
    """Train a model that is one file; an error stops its writing after that."""

    def save(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights").write_text(weights)
        if error:
            raise error

    def fit(checkpoints: Checkpoints, **_: Any) -> SimpleNamespace:
        facts = {"interpolation": len(checkpoints.complete())}
        with checkpoints.write("step-1") as folder:
            (folder / "weights").write_text(weights)
        return SimpleNamespace(save=save, history=[], sweep=[], facts=facts)

    room = SimpleNamespace(fit=fit, Recipe=dict)
    monkeypatch.setattr(rooms, "load", lambda *_: room)
    return CliRunner().invoke(train.main, ["embedder", "small"])


def test_a_model_is_written_with_its_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "first").exit_code == 0
    refuse_damaged(MODEL)
    names = {"weights", "history.csv", "sweep.csv", "training.json", "SHA256SUMS"}
    assert {path.name for path in MODEL.iterdir()} == names


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), ValueError()]
)
def test_a_write_that_breaks_off_leaves_the_old_model(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run(monkeypatch, "first")
    result = run(monkeypatch, "second", error)
    assert result.exit_code == 1
    refuse_damaged(MODEL)
    assert (MODEL / "weights").read_text() == "first"
    assert [*MODEL.parent.iterdir()] == [MODEL]


def test_a_full_disk_is_named_with_the_model_and_the_rerun_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = run(monkeypatch, "second", OSError(errno.ENOSPC, "full"))
    assert result.stderr.startswith(f"Error: {MODEL}: No space left on device; make room")
    assert result.stderr.count("\n") == 1
    assert run(monkeypatch, "second").exit_code == 0
    assert (MODEL / "weights").read_text() == "second"


def test_checkpoints_stay_until_the_model_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(".scratch/checkpoints/embedder-small")
    full = OSError(errno.ENOSPC, "full")
    run(monkeypatch, "first", full)
    assert len([*folder.iterdir()]) == 1
    assert run(monkeypatch, "first").stdout == f"{MODEL}: interpolation 1\n"  # checkpoint
    assert not folder.exists()


@pytest.mark.parametrize(
    "changed", ["seed", "recipe", "launch", "examples", "base", "package", "machine"]
)
def test_a_checkpoint_of_other_inputs_is_never_used(
    monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    examples, base = Path("data/examples/embedder/small"), Path("models/base/embedder/small")
    for folder in (examples, base):
        folder.mkdir(parents=True)
        (folder / "file").write_text("before")
    run(monkeypatch, "first", OSError(errno.ENOSPC, "full"))
    if changed in ("seed", "recipe"):
        other = {"seed": 14} if changed == "seed" else {"embedder": {"small": {"epochs": 2}}}
        write_params(**other)
    elif changed == "launch":
        write_params(launch={"processes": 2, "nodes": 1})
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a rank, not the process that starts them")
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setattr("findtune.training.ranks.join", lambda _: None)
    elif changed == "package":
        monkeypatch.setattr(train, "version", lambda name: f"{name} 99")
    elif changed == "machine":
        monkeypatch.setattr("findtune.training.precision.arithmetic", lambda: ["another"])
    else:
        ({"examples": examples, "base": base}[changed] / "file").write_text("after")
    result = run(monkeypatch, "second")
    assert result.stderr.startswith("embedder small: .scratch/checkpoints/embedder-small/")
    assert result.stderr.endswith(" is of a training that read something else: removed\n")
    assert result.stdout == f"{MODEL}: interpolation 0\n"  # checkpoints


@pytest.mark.parametrize("model", rooms.MODELS)
def test_a_checkpoint_depends_on_the_code_that_dvc_lists(model: str) -> None:
    root = Path(train.__file__).parents[1]
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    deps = [dep.replace("${item.model}", model) for dep in stages["train"]["deps"]]
    code = [dep for dep in deps if dep.startswith(("stages/", "findtune/"))]
    assert sorted(path.format(model=model) for path in train.CODE) == sorted(code)
    assert all((root / path).exists() for path in code)


@pytest.mark.slow
@pytest.mark.parametrize("model", rooms.MODELS)
def test_a_stage_that_is_killed_at_random_writes_the_same_bytes(
    whole_pipeline: Path, tmp_path: Path, model: str
) -> None:
    project = tmp_path / "project"
    shutil.copytree(whole_pipeline, project)
    before = files_in(project / "models" / model / "small")
    shutil.rmtree(project / "models" / model / "small")
    often = "from findtune.training import resumption as r; r.MIN_SECONDS, r.MAX_SHARE = 0, 1e9"
    code = f"{often}; from stages.train import main; main()"
    command = [sys.executable, "-c", code, model, "small"]
    environment = {**os.environ, "PYTHONPATH": str(project), "HF_HUB_OFFLINE": "1"}
    rng, kills, lines = Random(13), 0, ""
    while kills < 4:
        with subprocess.Popen(
            command, cwd=project, env=environment, text=True, stderr=subprocess.PIPE
        ) as process:
            deadline = time.monotonic() + 120
            while not steps_in(project) and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
            lines += process.communicate()[1]
        kills += 1
    result = subprocess.run(
        command, cwd=project, env=environment, text=True, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "going on after" in lines + result.stderr
    assert files_in(project / "models" / model / "small") == before
    assert not (project / ".scratch" / "checkpoints" / f"{model}-small").exists()


def steps_in(project: Path) -> list[Path]:
    return [*project.glob(".scratch/checkpoints/*/*/*/step-*")]


def files_in(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_one_line(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    write_params(seed=seed)
    result = run(monkeypatch, "first")
    assert result.stderr.startswith(f"Error: params.yaml: seed is {seed}: ")


def test_more_than_one_process_is_left_to_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(train, "start_ranks", lambda *arguments: started.append(arguments))
    monkeypatch.setenv("FINDTUNE_RUN", str(os.getpid()))
    assert run(monkeypatch, "one").exit_code == 0
    assert not started
    write_params(launch={"processes": 2, "nodes": 1})
    shutil.rmtree(MODEL)
    assert run(monkeypatch, "two").exit_code == 0
    [(launch, *command)] = started
    assert (launch.world_size, command) == (2, ["stages.train", ["embedder", "small"]])
    assert not MODEL.exists()


def test_torchrun_by_hand_with_one_process_in_params_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "by hand")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert run(monkeypatch, "two").exit_code == 1
    assert not MODEL.exists()
    assert "started 2 processes, and launch in params.yaml" in (tmp_path / "error.json").read_text()

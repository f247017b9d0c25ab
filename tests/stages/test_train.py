"""A training that fails leaves the model of the one before, and nothing else."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner, Result

from findtune.core.manifest import refuse_damaged
from stages import rooms, train

MODEL = Path("models/embedder/small")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter a project with the parameters of one training."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump({"seed": 13, "embedder": {"small": {}}}))


def run(monkeypatch: pytest.MonkeyPatch, weights: str, error: Exception | None = None) -> Result:
    """Train a model that is one file; an error stops its writing after that."""

    def save(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights").write_text(weights)
        if error:
            raise error

    fitted = SimpleNamespace(save=save, history=[], sweep=[], facts={"interpolation": 1.0})
    room = SimpleNamespace(fit=lambda **_: fitted, Recipe=dict)
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


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_one_line(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    Path("params.yaml").write_text(yaml.safe_dump({"seed": seed, "embedder": {"small": {}}}))
    result = run(monkeypatch, "first")
    assert result.stderr.startswith(f"Error: params.yaml: seed is {seed}: ")

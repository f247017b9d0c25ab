"""What the tests of commands share."""

from pathlib import Path
from shutil import copyfile

import pytest

PARAMS = Path(__file__).parents[1] / "data" / "two_sizes.yaml"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the variables that commands set."""
    for name in ("HF_HUB_OFFLINE", "OMP_WAIT_POLICY", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with a params.yaml."""
    copyfile(PARAMS, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path

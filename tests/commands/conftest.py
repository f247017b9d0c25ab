"""What the tests of commands share."""

from pathlib import Path

import pytest

PARAMS = """\
# a comment that must stay
models: [embedder]
sizes: [small]   # and this one
embedder:
  small: {epochs: 1}
  medium: {epochs: 2}
base: {path: null}
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the variables that commands set."""
    for name in ("HF_HUB_OFFLINE", "OMP_WAIT_POLICY", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with a params.yaml."""
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path

"""`make lock` writes requirements.lock as it is committed, with header; pip-compile is a stub."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

LOCK = "requirements.lock"
# As pip-compile ends a file, of which it left out a package that was named unsafe.
TAIL = """
# WARNING: The following packages were not pinned, but pip requires them to be
# pinned when the requirements file includes hashes. Consider using the --allow-unsafe flag.
# torch
"""
STUB = """#!/bin/sh
echo "$@" > arguments
[ -f broken ] && exit 1
cat compiled > requirements.lock
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose pip-compile writes what is committed, with a tail and no header."""
    for name in ("Makefile", "params.yaml", "pyproject.toml", "requirements.torch.lock"):
        shutil.copy(name, tmp_path)
    committed = Path(LOCK).read_text(encoding="utf-8").splitlines(keepends=True)
    pins = [line for line in committed if not line.startswith("#")]
    (tmp_path / "compiled").write_text("".join(pins) + TAIL, encoding="utf-8")
    (tmp_path / LOCK).write_text("# older\n", encoding="utf-8")
    tools = tmp_path / ".venv/bin"
    tools.mkdir(parents=True)
    for name, text in {"pip": "#!/bin/sh\n", "pip-compile": STUB, ".ready": ""}.items():
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    return tmp_path


def make_lock(project: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MAKEFLAGS": ""}
    command = ["make", "--silent", "lock"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_the_lock_has_its_header_and_no_warning_of_torch(project: Path) -> None:
    result = make_lock(project)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (project / LOCK).read_bytes() == Path(LOCK).read_bytes()
    arguments = (project / "arguments").read_text(encoding="utf-8").split()
    assert {"--generate-hashes", "--unsafe-package", "torch"} <= {*arguments}


def test_a_lock_that_can_not_be_made_leaves_the_old_one(project: Path) -> None:
    (project / "broken").touch()
    assert make_lock(project).returncode != 0
    assert (project / LOCK).read_text(encoding="utf-8") == "# older\n"

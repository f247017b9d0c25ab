"""The files in jobs/ hand a scheduler's signals to `make job`, and its exit status back."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.job import TRY_AGAIN

SLURM = Path("jobs/slurm.sh").resolve()
# Stands for the project's Makefile; a job that hangs ends when it is asked to, after its push.
MAKEFILE = """
setup:
\t@echo ready
job:
\t@exec python3 ../job.py '$(TARGET)'
"""
JOB = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3)  # as the last push
    pathlib.Path(__file__).with_name("pushed").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
pathlib.Path(__file__).with_name("started").write_text(sys.argv[1])
while sys.argv[1] == "hang":
    time.sleep(0.05)
sys.exit(len(sys.argv[1].split()) - 1)
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a project in git and a `scontrol` that notes what it is asked; return the folder."""
    project, programs = tmp_path / "project", tmp_path / "bin"
    project.mkdir()
    programs.mkdir()
    (project / "Makefile").write_text(MAKEFILE)
    (tmp_path / "job.py").write_text(JOB)
    scontrol = programs / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/scontrol.log\n')
    scontrol.chmod(0o755)
    monkeypatch.chdir(project)
    author = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--message=Start"],
    ):
        subprocess.run(["git", *command], check=True)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    for name, value in {"REPO": project.as_uri(), "REF": "main", "TMPDIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    return tmp_path


def start(target: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["bash", str(SLURM)], env={**os.environ, "TARGET": target})


@pytest.mark.parametrize(("target", "status"), [("works", 0), ("stage fails", 2)])
def test_slurm_gets_the_exit_status_of_make_and_no_folder_is_left(
    cluster: Path, target: str, status: int
) -> None:
    assert start(target).wait(timeout=60) == status
    assert (cluster / "started").read_text() == target
    assert not [*cluster.glob("findtune.*")]
    assert not (cluster / "scontrol.log").exists()


@pytest.mark.parametrize(
    ("number", "requeued"), [(signal.SIGUSR1, "requeue 42\n"), (signal.SIGTERM, None)]
)
def test_a_signal_of_slurm_ends_the_job_after_its_last_push(
    cluster: Path, number: signal.Signals, requeued: str | None
) -> None:
    process = start("hang")
    while not (cluster / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(timeout=60) == 143
    assert (cluster / "pushed").exists()
    log = cluster / "scontrol.log"
    assert (log.read_text() if log.exists() else None) == requeued  # only at the time limit


def texts(content: Any) -> list[str]:
    """Return all texts in a YAML document."""
    if isinstance(content, dict):
        return [text for value in content.values() for text in texts(value)]
    if isinstance(content, list):
        return [text for value in content for text in texts(value)]
    return [str(content)]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("sky.yaml", 'exec make job TARGET="$TARGET"'),
        ("kubernetes.yaml", "exec python -m commands.job $TARGET"),
    ],
)
def test_a_job_of_sky_and_kubernetes_gets_its_signals(name: str, command: str) -> None:
    content = yaml.safe_load(Path("jobs", name).read_text(encoding="utf-8"))
    [script] = [text for text in texts(content) if "exec " in text]
    assert script.rstrip().endswith(command)


def test_kubernetes_tries_again_after_trouble_of_the_network_and_after_no_mistake() -> None:
    content = yaml.safe_load(Path("jobs/kubernetes.yaml").read_text(encoding="utf-8"))
    rules = content["spec"]["podFailurePolicy"]["rules"]
    [final] = [rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob"]
    assert (final["operator"], final["values"]) == ("In", [1, 255])
    assert TRY_AGAIN not in final["values"]
    [script] = [text for text in texts(content) if "exec " in text]
    assert f"make setup || exit {TRY_AGAIN} " in script


def test_no_file_of_a_job_has_a_place_for_the_value_of_a_secret() -> None:
    sky = yaml.safe_load(Path("jobs/sky.yaml").read_text(encoding="utf-8"))
    assert set(sky["secrets"].values()) == {None}
    kubernetes = yaml.safe_load(Path("jobs/kubernetes.yaml").read_text(encoding="utf-8"))
    [container] = kubernetes["spec"]["template"]["spec"]["containers"]
    assert {entry["name"] for entry in container["env"]} == {"REPO", "REF", "TARGET"}
    assert "set -x" not in SLURM.read_text(encoding="utf-8")

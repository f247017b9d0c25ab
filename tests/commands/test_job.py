"""job runs what no other machine has finished, and leaves every finished stage on the remote."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from commands import job
from findtune.core.errors import InputError

ROOT = Path.cwd()
JOB = [sys.executable, "-m", "commands.job", "evaluate@embedder-small", "stack@small"]
RAN, RESTORED, SKIPPED = "Running stage", "is cached - skipping run", "didn't change, skipping"
MINUTE = 60  # seconds
# What the tiny project's program does first, when the variable has these values.
FAULTS = """
import os, sys, time, pathlib
if "metrics" in sys.argv[1] and os.environ.get("FAULT"):
    pathlib.Path("started").touch()
    time.sleep(60 if os.environ["FAULT"] == "hang" else 0)
    sys.exit(7)
"""


@pytest.fixture
def worker(
    tiny_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Callable[[str], str]
) -> Path:
    """Commit a change after which all stages are stale; enter a shallow clone, with a remote."""
    program = Path("write.py")
    program.write_text(FAULTS + program.read_text(), encoding="utf-8")
    Path("weights.txt").write_text("other weights\n", encoding="utf-8")
    tool(f"dvc remote add --quiet --default shared {tmp_path / 'remote'}")
    tool("git commit --quiet --all --message=Change")
    return enter_clone(tiny_project, tmp_path / "worker", monkeypatch)


@pytest.fixture
def enter_home(
    tiny_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Path]:
    """Return the function that enters a second clone, which has nothing of the first."""
    return lambda: enter_clone(tiny_project, tmp_path / "home", monkeypatch)


def enter_clone(project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    command = ["git", "clone", "--quiet", "--depth=1", project.as_uri(), str(folder)]
    subprocess.run(command, check=True)
    monkeypatch.chdir(folder)
    # DVC keeps what it knows of remotes and files here, and nothing of it must help.
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", f"{folder}.site")
    return folder


def start(fault: str = "") -> subprocess.Popen[str]:
    """Start the job here; its log is what it prints to both outputs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "FAULT": fault}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(JOB, env=environment, **pipes)


def run(fault: str = "") -> tuple[int, str]:
    """Run the job here; return its exit status and its log."""
    process = start(fault)
    log, _ = process.communicate(timeout=5 * MINUTE)
    return process.returncode, log


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the stages wrote, and dvc.lock."""
    paths = [folder / "dvc.lock", *folder.glob("models/**/*"), *folder.glob("metrics/**/*.json")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.slow
def test_another_clone_restores_what_a_job_made_and_runs_nothing(
    worker: Path, enter_home: Callable[[], Path], tmp_path: Path
) -> None:
    status, log = run()
    assert (status, log.count(RAN)) == (0, 3), log
    home = enter_home()
    status, log = run()
    assert (status, log.count(RAN), log.count(RESTORED)) == (0, 0, 3), log
    assert contents(home) == contents(worker)
    shutil.rmtree(tmp_path / "remote" / "files")
    status, log = run()  # nothing to do, but what a remote lost is there again
    assert (status, log.count(SKIPPED)) == (0, 3), log
    assert len([*(tmp_path / "remote" / "files").rglob("*")]) > 3


def entries(remote: Path) -> list[str]:
    """Return the run cache's entries on the remote, each as the text of a stage."""
    return [path.read_text() for path in remote.glob("runs/*/*/*")]


def test_a_job_that_fails_leaves_its_finished_stages_on_the_remote(
    worker: Path, tmp_path: Path
) -> None:
    status, log = run(fault="fail")
    assert status == 255, log  # as of dvc repro
    assert log.count(RAN) == 2, log
    [entry] = entries(tmp_path / "remote")
    assert "models/embedder/small" in entry
    assert len([*tmp_path.glob("remote/files/md5/*/*")]) == 3  # two files and their folder


@pytest.mark.slow
def test_a_job_that_is_preempted_ends_its_stage_and_leaves_the_finished_ones(
    worker: Path, enter_home: Callable[[], Path]
) -> None:
    process = start(fault="hang")
    end = time.monotonic() + MINUTE
    while not Path("started").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=MINUTE / 2)
    assert process.returncode == 128 + signal.SIGTERM
    enter_home()
    status, log = run()
    assert (status, log.count(RAN), log.count(RESTORED)) == (0, 2, 1), log


@pytest.mark.slow
def test_results_that_the_remote_does_not_take_fail_the_job_but_stop_no_stage(
    worker: Path, tmp_path: Path
) -> None:
    (tmp_path / "remote").write_text("a file where a folder must be")
    status, log = run()
    assert status == job.TRY_AGAIN
    assert log.count(RAN) == 3, log
    assert "The next push tries again." in log
    assert log.count("Retrying in") == len(job.WAITS)
    assert log.splitlines()[-1].startswith("Error: the remote took no results: ")
    assert "Traceback" not in log


class UnsteadyRemote:
    """Stands for a Publisher; its first pushes fail."""

    def __init__(self, failures: int) -> None:
        self.failures, self.pushes = failures, 0

    def add_finished(self, targets: tuple[str, ...]) -> None:
        pass

    def push(self) -> None:
        self.pushes += 1
        if self.pushes <= self.failures:
            raise InputError("the remote took no results: timeout.")


@pytest.mark.parametrize(
    ("stages", "failures", "status", "pushes"),
    [
        (0, 0, 0, 1),
        (0, 2, 0, 3),
        (0, 9, 75, 4),
        (255, 9, 255, 4),
        (255, 1, 255, 2),
        (143, 9, 143, 1),  # the machine is taken away soon
    ],
)
def test_the_last_push_is_tried_again_and_the_exit_status_says_if_it_failed(
    monkeypatch: pytest.MonkeyPatch, stages: int, failures: int, status: int, pushes: int
) -> None:
    remote = UnsteadyRemote(failures)
    repo = SimpleNamespace(config={"core": {"remote": "shared"}})
    monkeypatch.setattr(job.signal, "signal", lambda *_: None)
    monkeypatch.setattr(job.time, "sleep", lambda _: None)
    monkeypatch.setattr(job, "open_repo", lambda **_: repo)
    monkeypatch.setattr(job, "Publisher", lambda _: remote)
    monkeypatch.setattr(job, "run_stages", lambda *_: stages)
    result = CliRunner().invoke(job.main, ["stack@small"])
    assert (result.exit_code, remote.pushes) == (status, pushes)
    assert result.output.count("Error: ") == min(failures, pushes)


def test_a_project_without_a_remote_is_refused_in_one_line(
    tiny_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job.signal, "signal", lambda *_: None)
    result = CliRunner().invoke(job.main, ["stack@small"])
    assert result.exit_code == 1
    assert result.output == (
        "Error: no DVC remote is set; run `make remote URL=...` and commit .dvc/config.\n"
    )


def test_params_that_no_stage_can_use_are_a_mistake_of_one_line(tiny_project: Path) -> None:
    with Path("params.yaml").open("a", encoding="utf-8") as file:
        file.write("skip: [embedder]\n")
    result = CliRunner().invoke(job.main, ["stack@small"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: params.yaml: `models` and `skip` both name embedder;")

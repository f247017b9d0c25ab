"""reproduce is `dvc repro` that waits, repairs what kills have left, and ends what it started."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
import zc.lockfile

from commands import reproduce
from findtune.quality.decisions import PAIRS
from stages.command import RUN, has_ended

ROOT = Path.cwd()
LOCK = Path("dvc.lock")
PART = Path(".dvc.lock.part")  # what a write of dvc.lock goes to
OURS = [sys.executable, "-m", "commands.reproduce"]
BARE = [sys.executable, "-m", "dvc", "repro"]
MINUTE = 60  # seconds


def start(*command: str) -> subprocess.Popen[str]:
    """Start a command of this project in the folder of the test, in a group of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def run(*targets: str) -> str:
    """Run the command, and return what it says of repairs; raise AssertionError if it fails."""
    process = start(*OURS, *targets)
    out, err = process.communicate(timeout=5 * MINUTE)
    assert process.returncode == 0, (out, err)
    assert "Traceback" not in err
    return err


def wait_until(happens: Callable[[], object], seconds: float = MINUTE, pause: float = 0.05) -> None:
    """Wait until something is true; raise AssertionError if it does not become so."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end
        time.sleep(pause)


def test_make_runs_dvc_through_this_command_and_its_goals_in_their_order() -> None:
    makefile = Path("Makefile").read_text(encoding="utf-8")
    assert not re.search(r"^\t.*\bdvc\b[^\"]*\brepro\b", makefile, re.MULTILINE)
    assert "REPRODUCE := exec python -m commands.reproduce\n" in makefile
    assert "\n.NOTPARALLEL:\n" in makefile


def test_what_a_kill_has_left_is_repaired_and_said(tiny_project: Path) -> None:
    good = LOCK.read_bytes()
    assert run("stack@small") == ""
    LOCK.write_bytes(good[:300])
    entry = {"pid": os.getpid(), "cmd": "dvc repro"}  # the number of a process that is no DVC
    rwlock = {"read": {}, "write": {str(tiny_project / "models/stack/small"): entry}}
    Path(".dvc/tmp/rwlock").write_text(json.dumps(rwlock))
    Path("review").mkdir()
    row = "a,b,0.9,0.1,drop,f.csv:2"
    Path("review/pairs.csv").write_text(f"{','.join(PAIRS.columns)}\n{row}\n", encoding="utf-8")
    stale, restored, taken = run("stack@small").splitlines()
    assert stale.startswith(f"process {os.getpid()} (dvc repro) no longer runs DVC")
    assert restored.startswith("dvc.lock was cut off, as after a kill: restored the last good one")
    assert LOCK.read_bytes() == good
    # What somebody has decided on the list of `make stats` is data from now on.
    assert taken == "1 decisions of review/pairs.csv are in data/finetuning/review.csv now"
    assert Path("data/finetuning/review.csv").read_text(encoding="utf-8").endswith(f"{row}\n")


def test_an_unknown_stage_fails_in_one_line(tiny_project: Path) -> None:
    process = start(*OURS, "nosuch")
    _, err = process.communicate(timeout=MINUTE)
    assert process.returncode == 255
    assert err.strip() == "ERROR: Stage 'nosuch' not found inside 'dvc.yaml' file"


@pytest.mark.parametrize("target", ["stack@small", "train@embedder-small"])
def test_data_that_only_dvc_keeps_and_that_are_missing_are_named_with_the_command(
    tiny_project: Path, target: str
) -> None:
    folder = Path("data/training_data")
    folder.mkdir(parents=True)
    Path(folder / "log.json").write_text("{}")
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", str(folder)], check=True)
    stages = yaml.safe_load(Path("dvc.yaml").read_text())
    stages["stages"]["train"]["deps"].append(folder.as_posix())
    Path("dvc.yaml").write_text(yaml.safe_dump(stages))
    for gone in (folder, Path(".dvc/cache")):
        shutil.rmtree(gone)
    process = start(*OURS, target)
    _, err = process.communicate(timeout=MINUTE)
    assert process.returncode == 255
    assert err.endswith("there is no data/training_data here; `make pull` fetches it.\n")


def test_a_folder_that_cannot_be_written_is_named_in_one_line(tiny_project: Path) -> None:
    Path(".dvc/tmp/findtune").write_text("a file where a folder must be")
    process = start(*OURS, "stack@small")
    _, err = process.communicate(timeout=MINUTE)
    assert process.returncode == 1
    assert err.startswith("Error: .dvc/tmp/findtune: File exists; make room, or make the folder")
    assert err.count("\n") == 1


def test_a_second_run_says_what_it_waits_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce, "PAUSE", 0.01)
    path = tmp_path / "running"
    first = zc.lockfile.LockFile(str(path))
    released = threading.Event()
    timer = threading.Timer(0.2, lambda: (released.set(), first.close()))
    timer.start()
    with reproduce.only_run(path):
        assert released.is_set()
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Waiting for process {os.getpid()} (")
    assert line.endswith(") to end; it runs in this folder.")


@pytest.mark.parametrize("shell", ["/bin/sh", "bash"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_ends_its_stage(
    tiny_project: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, shell: str
) -> None:
    if not (program := shutil.which(shell)):
        pytest.skip(f"there is no {shell} here")
    monkeypatch.setenv("SHELL", program)
    sleeper = f"""
        import os, pathlib, time
        from stages.command import die_with_parent
        die_with_parent()
        pathlib.Path("pid").write_text(f"{{os.getpid()}} ")
        time.sleep({MINUTE})
    """
    Path("sleep.py").write_text(textwrap.dedent(sleeper))
    Path("dvc.yaml").write_text("stages: {sleep: {cmd: python sleep.py, outs: [never]}}")
    process = start(*OURS, "sleep")
    pid = Path("pid")
    wait_until(lambda: pid.exists() and pid.read_text().endswith(" "))
    process.send_signal(number)
    assert process.wait(MINUTE) == -number
    wait_until(lambda: has_ended(int(pid.read_text())), seconds=20)


def test_a_stage_that_starts_after_its_run_was_killed_ends(
    tiny_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = start(sys.executable, "-c", "")
    killed.wait(MINUTE)
    monkeypatch.setenv(RUN, str(killed.pid))
    stage = start(sys.executable, "-m", "stages.ingest", "embedder", "catalog")
    out, err = stage.communicate(timeout=MINUTE)
    assert (stage.returncode, out, err) == (128 + signal.SIGTERM, "", "")


# Kills aimed at the moments in which DVC rewrites dvc.lock

STAGES, KILLS = 40, 30


@pytest.fixture
def forty_stages(tiny_project: Path) -> Path:
    """Enter a project of forty stages that have run: its dvc.lock takes a while to write."""
    Path("in").mkdir()
    for index in range(STAGES):
        Path("in", str(index)).write_text("first")
    stage = {"cmd": "cp in/${item} out${item}", "deps": ["in/${item}"], "outs": ["out${item}"]}
    items = {"foreach": list(range(STAGES)), "do": stage}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"copy": items}}))
    LOCK.unlink()
    run("copy")
    return tiny_project


def kill_while_dvc_writes(command: list[str], number: signal.Signals, delay: float) -> None:
    """Run a command, and send its group a signal some seconds after it began to write dvc.lock."""
    before = LOCK.stat()
    process = start(*command)
    wait_until(lambda: PART.exists() or LOCK.stat() != before, pause=0.0005)
    time.sleep(delay)
    os.killpg(process.pid, number)
    process.communicate(timeout=MINUTE)


@pytest.mark.slow
def test_no_kill_while_dvc_writes_its_lock_loses_an_entry(forty_stages: Path) -> None:
    chance = random.Random(13)
    names = {f"copy@{index}" for index in range(STAGES)}
    signals = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
    cut = restored = 0
    for kill in range(KILLS):
        old, target, command = LOCK.read_bytes(), f"copy@{kill % STAGES}", (OURS, BARE)[kill % 2]
        Path("in", str(kill % STAGES)).write_text(f"after {kill}")
        kill_while_dvc_writes([*command, target], signals[kill // 2 % 3], chance.uniform(0, 0.2))
        killed = LOCK.read_bytes()
        restored += "restored" in run(target)
        new = LOCK.read_bytes()
        cut += killed not in (old, new)
        assert command is BARE or killed in (old, new), kill
        assert set(yaml.safe_load(new)["stages"]) == names, kill
        assert Path(f"out{kill % STAGES}").read_text() == f"after {kill}"
    print(f"{KILLS} kills: {cut} locks cut off, {restored} restored, 0 entries lost")
    assert cut == restored

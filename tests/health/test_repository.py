"""git, the remote and DVC's locks are checked, and a lock of an ended process is found."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import zc.lockfile
from dvc.repo import Repo

from findtune.health.repository import check_git, check_locks, check_remote

Tool = Callable[[str], str]


def test_a_clean_repository_is_named_by_branch_and_commit(tiny_project: Path) -> None:
    line = check_git(tiny_project).line()
    assert line.startswith("ok    git       main at ")


def test_measures_that_are_not_committed_are_counted(tiny_project: Path) -> None:
    Path("metrics/stack/small.json").write_text("{}")
    text = check_git(tiny_project).text
    assert text == "1 file of metrics/ and dvc.lock is not committed"
    for name in ("a", "b"):
        Path("metrics/new").mkdir(exist_ok=True)
        Path(f"metrics/new/{name}.json").write_text("{}")
    text = check_git(tiny_project).text
    assert text == "3 files of metrics/ and dvc.lock are not committed"


def test_a_folder_outside_of_git_fails(tmp_path: Path) -> None:
    finding = check_git(tmp_path)
    assert (finding.status, "`git clone`" in finding.remedy) == ("fail", True)


def test_no_remote_is_a_warning(tiny_project: Path) -> None:
    assert check_remote(Repo()).line().startswith("warn  remote    no DVC remote is set")


def test_a_folder_remote_must_be_there_and_verified(
    tiny_project: Path, tmp_path: Path, tool: Tool
) -> None:
    tool("dvc remote add -d shared ../shared")
    assert "there is no such folder" in check_remote(Repo()).text
    (tmp_path / "shared").mkdir()
    assert "`dvc remote modify shared verify true`" in check_remote(Repo()).remedy
    tool("dvc remote modify shared verify true")
    assert check_remote(Repo()).status == "ok"


def test_a_remote_that_does_not_answer_is_given_up() -> None:
    def hang(name: str) -> None:
        time.sleep(60)

    config = {"core": {"remote": "far"}, "remote": {"far": {"url": "s3://far"}}}
    repo = SimpleNamespace(config=config, cloud=SimpleNamespace(get_remote=hang))
    finding = check_remote(repo, seconds=0.1)
    assert finding.status == "fail"
    assert finding.text == "far (s3://far): no answer within 0.1 seconds"


def test_a_remote_of_a_kind_that_is_not_installed_says_so(tiny_project: Path, tool: Tool) -> None:
    tool("dvc remote add -d far gs://nowhere/x")
    finding = check_remote(Repo())
    assert (finding.status, "dvc-gs" in finding.text or "dvc[gs]" in finding.text) == ("fail", True)


def write_rwlock(folder: Path, pid: int) -> None:
    entry = {"pid": pid, "cmd": "dvc repro"}
    (folder / "rwlock").write_text(json.dumps({"read": {"/a": [entry]}, "write": {"/b": entry}}))


def test_a_reader_that_has_ended_is_a_stale_lock(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    write_rwlock(tmp_path, process.pid)
    [finding] = check_locks(tmp_path)
    assert finding.status == "fail"
    assert f"kept by process {process.pid} (dvc repro), which has ended" in finding.text
    assert f"`rm {tmp_path}/rwlock`" in finding.remedy


def test_a_number_that_another_program_has_now_is_stale_too(tmp_path: Path) -> None:
    sleeper = subprocess.Popen(["sleep", "30"])
    try:
        write_rwlock(tmp_path, sleeper.pid)
        assert check_locks(tmp_path)[0].status == "fail"
    finally:
        sleeper.kill()


def test_a_reader_that_runs_keeps_its_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(30)", "dvc"]
    reader = subprocess.Popen(command, cwd=tmp_path)
    try:
        while psutil.Process(reader.pid).cmdline() != command:
            pass  # Linux shows none, for a moment
        write_rwlock(tmp_path, reader.pid)
        assert [finding.status for finding in check_locks(tmp_path)] == ["ok"]
    finally:
        reader.kill()


@pytest.mark.parametrize("text", ["{", "[]", '{"read": {"/a": [{}]}}'])
def test_a_broken_list_of_readers_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "rwlock").write_text(text)
    assert "rwlock is broken: `rm " in check_locks(tmp_path)[0].line()


def test_a_running_command_is_named_and_a_left_file_is_no_lock(tmp_path: Path) -> None:
    lock = zc.lockfile.LockFile(str(tmp_path / "lock"))
    [finding] = check_locks(tmp_path)
    assert f"another DVC command runs in this folder (process {os.getpid()})" in finding.text
    lock.close()
    assert (tmp_path / "lock").exists()
    assert check_locks(tmp_path)[0].status == "ok"

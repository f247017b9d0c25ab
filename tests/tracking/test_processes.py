"""A lock of a process that is no DVC of this project is dropped, and nothing else."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from findtune.tracking.processes import drop_stale_holders, is_dvc

Start = Callable[..., int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return the function that starts a process which sleeps, and returns its number."""
    processes = []

    def run(*words: str, cwd: Path) -> int:
        command = [sys.executable, "-c", "import time; time.sleep(60)", *words]
        processes.append(subprocess.Popen(command, cwd=cwd))
        while psutil.Process(processes[-1].pid).cmdline() != command:
            pass  # Linux shows none, for a moment
        return processes[-1].pid

    yield run
    for process in processes:
        process.kill()
        process.wait()


def write_list(path: Path, *pids: int) -> None:
    """Write a list in which each process reads one path, and the last one writes one as well."""
    entries = [{"pid": pid, "cmd": "dvc repro"} for pid in pids]
    read = {f"/{entry['pid']}": [entry] for entry in entries}
    path.write_text(json.dumps({"read": read, "write": {"/out": entries[-1]}}))


@pytest.mark.parametrize("words", [["dvc"], ["/a/bin/dvc", "repro"], ["-m", "commands.reproduce"]])
def test_dvc_is_known_by_its_command_line(tmp_path: Path, start: Start, words: list[str]) -> None:
    assert is_dvc(start(*words, cwd=tmp_path), tmp_path)


def test_an_editor_of_dvc_yaml_and_the_dvc_of_another_project_are_not_this_dvc(
    tmp_path: Path, start: Start
) -> None:
    (tmp_path / "here").mkdir()
    assert not is_dvc(start("dvc.yaml", cwd=tmp_path / "here"), tmp_path / "here")
    assert not is_dvc(start("dvc", cwd=tmp_path), tmp_path / "here")


def test_a_zombie_has_ended(tmp_path: Path, start: Start) -> None:
    pid = start("dvc", cwd=tmp_path)
    assert is_dvc(pid, tmp_path)
    psutil.Process(pid).kill()
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert not is_dvc(pid, tmp_path)


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 1, 2**70])
def test_a_number_that_no_process_has_is_no_dvc(tmp_path: Path, pid: int) -> None:
    assert not is_dvc(pid, tmp_path)


def test_only_ended_processes_are_dropped_and_each_is_named_once(
    tmp_path: Path, start: Start
) -> None:
    path = tmp_path / "rwlock"
    alive, other = start("dvc", cwd=tmp_path), start("vim", cwd=tmp_path)
    write_list(path, alive, other)
    [line] = drop_stale_holders(path, tmp_path)
    assert line == f"process {other} (dvc repro) no longer runs DVC; its lock was removed."
    read = {f"/{alive}": [{"pid": alive, "cmd": "dvc repro"}]}
    assert json.loads(path.read_text()) == {"read": read, "write": {}}


def test_a_list_of_running_processes_stays_as_it_is(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "rwlock"
    write_list(path, start("dvc", cwd=tmp_path))
    before = path.read_bytes()
    assert list(drop_stale_holders(path, tmp_path)) == []
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"read": {"/a": [{"pid": 1',
        b"[]",
        b'{"read": {"/a": [{}]}}',
        b"\xff\x00",
        b'{"a": 1}',
    ],
)
def test_a_list_that_is_none_is_removed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rwlock"
    path.write_bytes(content)
    [line] = drop_stale_holders(path, tmp_path)
    assert "was broken; it was removed" in line
    assert not path.exists()


def test_no_list_is_no_fault(tmp_path: Path) -> None:
    assert list(drop_stale_holders(tmp_path / "rwlock", tmp_path)) == []

"""DVC's processes: which hold its locks, which still run, and how stages end with DVC."""

import ctypes
import json
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

from findtune.core.files import atomic_open

# Programs that run DVC; the last is `python -m commands.reproduce`.
PROGRAMS = ("dvc", "dvc.exe", "commands.reproduce")
MODES = ("read", "write")


class BrokenListError(Exception):
    """Raised when DVC's list of readers and writers was truncated or is invalid."""


class Holder(NamedTuple):
    """A process that reads or writes a path, as DVC's list names it."""

    pid: int
    command: str


def lock_holder(path: Path) -> int | None:
    """Return the number of the process that holds a lock file: 0 if unknown, None if none does.

    Such a lock ends with its process, so it is never stale; the file remains.
    """
    import zc.lockfile  # type: ignore[import-untyped]  # part of DVC

    if not path.exists():
        return None
    try:
        zc.lockfile.LockFile(str(path)).close()
    except zc.lockfile.LockError:
        return int("".join(re.findall(r"\d+", path.read_text())[:1]) or 0)
    return None


def is_dvc(pid: int, root: Path) -> bool:
    """Return whether a process runs DVC in a project, and not only reuses the number of one.

    A zombie counts as ended: its parent has only not asked for its status yet.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if not any(Path(part).name in PROGRAMS for part in process.cmdline()):
            return False
        return works_in(process, root)
    except (psutil.Error, ValueError, OverflowError):
        return False


def works_in(process: psutil.Process, root: Path) -> bool:
    """Return whether a process works in a folder; that of another user is assumed to."""
    try:
        return Path(process.cwd()).is_relative_to(root.resolve())
    except psutil.AccessDenied:
        return True


def read_holders(path: Path) -> set[Holder]:
    """Return all readers and writers in DVC's list; raise BrokenListError if it is invalid."""
    return {holder for _, _, holder in iter_holders(read_list(path))}


def drop_stale_holders(path: Path, root: Path) -> Iterator[str]:
    """Remove ended processes from DVC's list of readers and writers; yield a line about each.

    Call it while DVC's own lock is held, which protects the list.
    path: .dvc/tmp/rwlock; root: the project.
    """
    try:
        content = read_list(path)
        holders = list(iter_holders(content))
    except FileNotFoundError:
        return
    except BrokenListError:
        path.unlink()
        yield f"{path.name}, DVC's list of readers and writers, was broken; it was removed."
        return
    ended = {holder for _, _, holder in holders if not is_dvc(holder.pid, root)}
    if not ended:
        return
    kept = [entry for entry in holders if entry[2] not in ended]
    with atomic_open(path) as file:
        json.dump(list_of(kept), file)
    for holder in sorted(ended):
        yield f"process {holder.pid} ({holder.command}) no longer runs DVC; its lock was removed."


def read_list(path: Path) -> Mapping[str, Any]:
    """Return the content of DVC's list; raise BrokenListError if it is no JSON object."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BrokenListError(str(error)) from None
    if not isinstance(content, dict):
        raise BrokenListError("it is not an object")
    return content


def iter_holders(content: Mapping[str, Any]) -> Iterator[tuple[str, str, Holder]]:
    """Yield read or write, the path and the process; raise BrokenListError if the format differs.

    Source: `SCHEMA` of dvc.rwlock. A path has one writer and a list of readers.
    """
    try:
        for mode in MODES:
            for path, infos in content.get(mode, {}).items():
                for info in [infos] if mode == "write" else infos:
                    yield mode, path, Holder(int(info["pid"]), str(info["cmd"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenListError(str(error)) from None
    if unknown := set(content) - set(MODES):
        raise BrokenListError(f"it has {unknown}")


def list_of(holders: list[tuple[str, str, Holder]]) -> dict[str, dict[str, Any]]:
    """Return DVC's list with these readers and writers."""
    content: dict[str, dict[str, Any]] = {mode: {} for mode in MODES}
    for mode, path, (pid, command) in holders:
        info = {"pid": pid, "cmd": command}
        if mode == "write":
            content[mode][path] = info
        else:
            content[mode].setdefault(path, []).append(info)
    return content


@contextmanager
def stages_end_with_dvc() -> Iterator[None]:
    """Let Linux end the commands that DVC starts in this process as soon as this process ends.

    That ends the shell, and also the command if the shell replaces itself with it, as bash does. If
    the shell starts the command as a child, as dash does, the command must ask for the same itself.
    Source: prctl(2), PR_SET_PDEATHSIG; it survives exec, but not fork.
    """
    if sys.platform != "linux":
        yield
        return
    module = import_module("dvc.stage.run")
    original = module.prepare_kwargs
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, after which nothing may lock

    def end_with_parent() -> None:
        pr_set_pdeathsig = 1
        prctl(pr_set_pdeathsig, signal.SIGTERM)

    def prepare_kwargs(*arguments: Any, **options: Any) -> dict[str, Any]:
        return {**original(*arguments, **options), "preexec_fn": end_with_parent}

    module.prepare_kwargs = prepare_kwargs  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.prepare_kwargs = original  # type: ignore[attr-defined]

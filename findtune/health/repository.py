"""Checks of the repository: git, the DVC remote, and locks of processes that have ended."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from findtune.health.finding import Finding
from findtune.tracking.git import run_git

REMOTE_SECONDS = 10  # a remote that answers later counts as unreachable
BUCKETS = ("s3", "gs", "azure", "abfs", "oss")  # the file systems without folders


def check_git(root: Path) -> Finding:
    """Return whether the folder is a git repository in which tags and commits can be made."""
    try:
        inside = run_git(root, "rev-parse", "--is-inside-work-tree")
    except FileNotFoundError:
        return Finding("git", "fail", "git is not installed", "install it")
    if inside.returncode:
        reason = inside.stderr.strip().partition("\n")[0]
        return Finding("git", "fail", reason, "`git clone` the project instead of copying it")
    if run_git(root, "var", "GIT_COMMITTER_IDENT").returncode:
        remedy = "`git config user.name NAME` and `git config user.email ADDRESS`"
        return Finding("git", "warn", "git does not know who you are", remedy)
    if uncommitted := run_git(root, "status", "--porcelain", "--", "dvc.lock", "metrics").stdout:
        count = len(uncommitted.splitlines())
        remedy = "`git add dvc.lock metrics && git commit` keeps them; `make promote` needs that"
        return Finding("git", "warn", f"{count} measures or locks are not committed", remedy)
    branch = run_git(root, "branch", "--show-current").stdout.strip() or "no branch"
    commit = run_git(root, "rev-parse", "--short", "HEAD").stdout.strip() or "no commit"
    return Finding("git", "ok", f"{branch} at {commit}, measures committed")


def check_remote(repo: Any, seconds: float = REMOTE_SECONDS) -> Finding:
    """Return whether the default remote answers and is verified; repo: a dvc.repo.Repo."""
    name = repo.config["core"].get("remote")
    if not name:
        remedy = "`dvc remote add -d NAME URL`, unless only this machine needs the models"
        return Finding("remote", "warn", "no DVC remote is set", remedy)
    settings = repo.config["remote"].get(name, {})
    url = settings.get("url", "without a url")
    if error := remote_error(repo, name, seconds):
        remedy = f"check the url, the network and your credentials (`dvc remote modify {name}`)"
        return Finding("remote", "fail", f"{name} ({url}): {error}", remedy)
    if not settings.get("verify"):
        remedy = f"`dvc remote modify {name} verify true` refuses files that were changed there"
        return Finding("remote", "warn", f"{name} ({url}) is not verified", remedy)
    return Finding("remote", "ok", f"{name} ({url}) answers and is verified")


def remote_error(repo: Any, name: str, seconds: float) -> str:
    """Return in one line why a remote can't be read, or nothing."""
    problems: list[str] = []
    # A daemon: a connection that hangs must not keep the command from ending.
    thread = threading.Thread(target=probe, args=(repo, name, problems), daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return f"no answer within {seconds:g} seconds"
    return problems[0] if problems else ""


def probe(repo: Any, name: str, problems: list[str]) -> None:
    """Look into a remote; append what went wrong."""
    try:
        remote = repo.cloud.get_remote(name)
        if remote.fs.protocol in BUCKETS:
            # The folder in a bucket appears with the first push; the bucket must be there before.
            remote.fs.ls(remote.path.strip("/").partition("/")[0], detail=False)
        elif not remote.fs.exists(remote.path):
            problems.append("there is no such folder; where that's right, `make push` makes it")
    except Exception as error:  # each file system raises its own errors
        problems.append(" ".join(str(error).split()) or type(error).__name__)


def check_locks(folder: Path) -> list[Finding]:
    """Return who holds the locks in DVC's folder for temporary files."""
    findings = [*running(folder / "lock"), *stale_entries(folder / "rwlock")]
    return findings or [Finding("locks", "ok", "none is held")]


def running(path: Path) -> Iterator[Finding]:
    """Yield a finding if a DVC command runs. The lock ends with its process, so it's never stale.

    The file remains after a command has ended.
    """
    import zc.lockfile  # type: ignore[import-untyped]  # part of DVC

    if not path.exists():
        return
    try:
        zc.lockfile.LockFile(str(path)).close()
    except zc.lockfile.LockError:
        pid = "".join(re.findall(r"\d+", path.read_text())[:1])
        text = f"another DVC command runs in this folder (process {pid})"
        yield Finding("locks", "warn", text, "wait until it has ended")


def stale_entries(path: Path) -> Iterator[Finding]:
    """Yield a finding for each process in DVC's list of readers and writers that has ended."""
    if not path.exists():
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = {
            (entry["pid"], entry["cmd"])
            for infos in [*content.get("read", {}).values(), *content.get("write", {}).values()]
            for entry in (infos if isinstance(infos, list) else [infos])
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding("locks", "fail", f"{path} is broken", f"`rm {path}`")
        return
    for pid, command in sorted(entries):
        if not is_dvc(pid):
            text = f"{path} is kept by process {pid} ({command}), which has ended"
            yield Finding("locks", "fail", text, f"`rm {path}` while no DVC command runs")


def is_dvc(pid: int) -> bool:
    """Return whether a process runs and is DVC's; its number may belong to another one now."""
    try:
        return any("dvc" in part for part in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False

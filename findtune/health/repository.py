"""Checks of the repository: git, the DVC remote, and locks of processes that have ended."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from findtune.health.finding import Finding
from findtune.tracking.git import knows_who_commits, run_git
from findtune.tracking.processes import BrokenListError, is_dvc, lock_holder, read_holders

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
    if not knows_who_commits(root):
        remedy = "`git config user.name NAME` and `git config user.email ADDRESS`"
        return Finding("git", "warn", "git does not know who you are", remedy)
    if count := uncommitted_measures(root):
        noun, verb = ("file", "is") if count == 1 else ("files", "are")
        remedy = "`git add dvc.lock metrics && git commit` keeps them; `make promote` needs that"
        text = f"{count:,} {noun} of metrics/ and dvc.lock {verb} not committed"
        return Finding("git", "warn", text, remedy)
    branch = run_git(root, "branch", "--show-current").stdout.strip() or "no branch"
    commit = run_git(root, "rev-parse", "--short", "HEAD").stdout.strip() or "no commit"
    return Finding("git", "ok", f"{branch} at {commit}, measures committed")


def uncommitted_measures(root: Path) -> int:
    """Return the number of files of metrics/ and dvc.lock that differ from the last commit."""
    options = ("--porcelain", "--untracked-files=all")  # else a new folder would count as one
    changes = run_git(root, "status", *options, "--", "dvc.lock", "metrics").stdout
    return len(changes.splitlines())


def check_remote(repo: Any, seconds: float = REMOTE_SECONDS) -> Finding:
    """Return whether the default remote answers and is verified; repo: a dvc.repo.Repo."""
    name = repo.config["core"].get("remote")
    if not name:
        remedy = "`make remote URL=...` sets one, unless only this machine needs the models"
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
            # The first push makes the folder in a bucket; the bucket itself must exist before.
            remote.fs.ls(remote.path.strip("/").partition("/")[0], detail=False)
        elif not remote.fs.exists(remote.path):
            problems.append("there is no such folder; if the url is right, `make push` makes it")
    except Exception as error:  # each file system raises its own errors
        problems.append(" ".join(str(error).split()) or type(error).__name__)


def check_locks(folder: Path) -> list[Finding]:
    """Return who holds the locks in .dvc/tmp, DVC's folder for temporary files."""
    findings = [*running(folder / "lock"), *stale_entries(folder / "rwlock", folder.parent.parent)]
    return findings or [Finding("locks", "ok", "none is held")]


def running(path: Path) -> Iterator[Finding]:
    """Yield a finding if a DVC command runs."""
    if (pid := lock_holder(path)) is not None:
        text = f"another DVC command runs in this folder (process {pid})"
        yield Finding("locks", "warn", text, "wait until it has ended")


def stale_entries(path: Path, root: Path) -> Iterator[Finding]:
    """Yield a finding for each process in DVC's list of readers and writers that has ended."""
    try:
        holders = read_holders(path)
    except FileNotFoundError:
        return
    except BrokenListError:
        yield Finding("locks", "fail", f"{path} is broken", f"`rm {path}`")
        return
    for pid, command in sorted(holders):
        if not is_dvc(pid, root):
            text = f"{path} is kept by process {pid} ({command}), which has ended"
            remedy = f"`make train` removes it, or `rm {path}` while no DVC command runs"
            yield Finding("locks", "fail", text, remedy)

"""Reading a git repository."""

import subprocess
from pathlib import Path

from findtune.core.errors import InputError


def run_git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder and return how it ended."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", errors="surrogateescape"
    )


def commit_hash(root: Path, revision: str = "HEAD") -> str:
    """Return the full hash of a commit; raise InputError where there is none."""
    result = run_git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if result.returncode:
        raise InputError(f"git knows no commit {revision} here; commit what you trained first.")
    return result.stdout.strip()


def committed_file(root: Path, commit: str, path: str) -> bytes | None:
    """Return the bytes of a file in a commit, or None if the commit has no such file."""
    command = ["git", "-C", str(root), "show", f"{commit}:./{path}"]
    result = subprocess.run(command, capture_output=True, check=False)
    return None if result.returncode else result.stdout


def changed_files(root: Path) -> list[str]:
    """Return the files that differ from the last commit, and those that git does not know."""
    names = []
    fields = iter(run_git(root, "status", "--porcelain", "-z").stdout.split("\0"))
    for field in fields:
        names += [field[3:]] if field else []
        if field[:1] in ("R", "C"):  # the old name follows
            names.append(next(fields))
    return names

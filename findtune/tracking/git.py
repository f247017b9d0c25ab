"""Reading a git repository."""

import subprocess
from pathlib import Path

from findtune.core.errors import InputError

NO_REPOSITORY = (
    'this folder is in no git repository; run: git init && git add -A && git commit -m "Start"'
)


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
        remedy = "commit what you trained first"
        if revision != "HEAD":
            remedy = "name a branch, a tag or a commit, or `git fetch` it first"
        raise InputError(f"git knows no commit {revision} here; {remedy}.")
    return result.stdout.strip()


def knows_who_commits(root: Path) -> bool:
    """Return whether a name and an address are configured; some programs accept no guessed ones."""
    command = ("-c", "user.useConfigOnly=true", "var")
    people = ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT")
    return not any(run_git(root, *command, person).returncode for person in people)


def committed_file(root: Path, commit: str, path: str) -> bytes | None:
    """Return the bytes of a file in a commit, or None if the commit has no such file."""
    command = ["git", "-C", str(root), "show", f"{commit}:./{path}"]
    result = subprocess.run(command, capture_output=True, check=False)
    return None if result.returncode else result.stdout


def changed_files(root: Path) -> list[str]:
    """Return the files below a folder that differ from the last commit or are untracked.

    Names are relative to the folder, which may be part of a larger repository. Raises InputError if
    git can't tell, as with a broken index.
    """
    names: list[str] = []
    options = ("--porcelain", "-z", "--untracked-files=normal", "--", ".")
    status = run_git(root, "status", *options)
    if status.returncode:
        reason = " ".join(status.stderr.split())
        raise InputError(f"git can't say what has changed: {reason}; correct what it names.")
    fields = iter(status.stdout.split("\0"))
    for field in fields:
        names += [field[3:]] if field else []
        if field[:1] in ("R", "C"):  # the old name follows
            names.append(next(fields))
    prefix = folder_in_repository(root)
    return [name.removeprefix(prefix) for name in names]


def folder_in_repository(root: Path) -> str:
    """Return a folder's path in its repository, with a slash at the end; empty at the top."""
    return run_git(root, "rev-parse", "--show-prefix").stdout.rstrip("\n")

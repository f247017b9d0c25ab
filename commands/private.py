"""Keep your users' feedback out of git from now on: DVC tracks data/training_data instead.

    python -m commands.private

git no longer tracks the folder, and data/.gitignore names it. DVC stores its bytes, and git tracks
data/training_data.dvc, which has their md5. Earlier commits still have the feedback, and so do
their clones.

Reads   data/training_data/
Writes  data/training_data.dvc, data/.gitignore, git's index
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from findtune.core.errors import InputError
from findtune.health.missing import FEEDBACK, POINTER, refuse_unfetched_feedback
from findtune.tracking.git import run_git
from findtune.tracking.repository import open_repo
from stages.command import Stage


@click.command(cls=Stage)
def main() -> None:
    """Let DVC track the feedback, and git only its md5."""
    refuse_unfetched_feedback()
    if not FEEDBACK.is_dir():
        raise InputError(f"there is no {FEEDBACK}; put your feedback there first.")
    repo = open_repo()  # which says what is wrong where there is none
    tracked = run_git(Path(), "ls-files", "--", str(FEEDBACK)).stdout.splitlines()
    if tracked and run_git(Path(), "rm", "-r", "--quiet", "--cached", str(FEEDBACK)).returncode:
        raise InputError(f"git can't untrack {FEEDBACK}; commit or undo your changes to it first.")
    with tracked_again_on_failure():
        add(repo)
        run_git(Path(), "add", str(POINTER), str(FEEDBACK.with_name(".gitignore")))
    click.echo(f"DVC keeps {FEEDBACK} now, and git only its md5. Commit that: git commit")
    if tracked:
        click.echo(
            f"Earlier commits still have {len(tracked)} of its files. To remove them there too, "
            "rewrite the history (git filter-repo) and push it anew."
        )


@contextmanager
def tracked_again_on_failure() -> Iterator[None]:
    """Let git track the feedback again after an error, or after Ctrl-C while DVC hashes.

    Otherwise the next commit would remove the feedback from all clones without a replacement.
    """
    try:
        yield
    except BaseException:
        run_git(Path(), "reset", "--quiet", "--", str(FEEDBACK))
        raise


def add(repo: Any) -> None:
    """Let DVC track the feedback; raise InputError if it can't. repo: a dvc.repo.Repo."""
    try:
        repo.add(str(FEEDBACK))
    except Exception as error:  # DVC and each file system raise their own errors
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"DVC can't add {FEEDBACK}: {reason}; correct that, then run this again."
        ) from None


if __name__ == "__main__":
    main()

"""Keep your users' feedback out of git from now on: DVC tracks data/training_data instead.

    python -m commands.private

git no longer tracks the folder, and data/.gitignore names it. DVC stores its bytes, and git tracks
data/training_data.dvc, which has their md5. Earlier commits still have the feedback, and so do
their clones.

Reads   data/training_data/
Writes  data/training_data.dvc, data/.gitignore, git's index
"""

from importlib import import_module
from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.tracking.git import run_git
from stages.command import Stage

FEEDBACK = Path("data", "training_data")
POINTER = FEEDBACK.with_name(f"{FEEDBACK.name}.dvc")


@click.command(cls=Stage)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Let DVC track the feedback, and git only its md5."""
    if not FEEDBACK.is_dir():
        raise InputError(f"there is no {FEEDBACK}; put your feedback there first.")
    tracked = run_git(Path(), "ls-files", "--", str(FEEDBACK)).stdout.splitlines()
    if tracked and run_git(Path(), "rm", "-r", "--quiet", "--cached", str(FEEDBACK)).returncode:
        raise InputError(f"git can't untrack {FEEDBACK}; commit or undo your changes to it first.")
    if status := import_module("dvc.cli").main(["add", "--quiet", str(FEEDBACK)]):
        # Otherwise the next commit would remove the feedback from all clones without a replacement.
        run_git(Path(), "reset", "--quiet", "--", str(FEEDBACK))
        ctx.exit(status)
    run_git(Path(), "add", str(POINTER), str(FEEDBACK.with_name(".gitignore")))
    click.echo(f"DVC keeps {FEEDBACK} now, and git only its md5. Commit that: git commit")
    if tracked:
        click.echo(
            f"Earlier commits still have {len(tracked)} of its files. To remove them there too, "
            "rewrite the history (git filter-repo) and push it anew."
        )


if __name__ == "__main__":
    main()

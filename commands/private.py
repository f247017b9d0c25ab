"""Keep your users' feedback out of git from now on: DVC tracks data/training_data instead.

    python -m commands.private

git forgets the folder, and its name goes into data/.gitignore; DVC keeps its bytes, and
data/training_data.dvc, which git keeps, has their md5. Commits that have the feedback already keep
it, and so do clones of them.

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
    """Let DVC keep the feedback, and git only its md5."""
    if not FEEDBACK.is_dir():
        raise InputError(f"there is no {FEEDBACK}; put your feedback there first.")
    tracked = run_git(Path(), "ls-files", "--", str(FEEDBACK)).stdout.splitlines()
    if tracked and run_git(Path(), "rm", "-r", "--quiet", "--cached", str(FEEDBACK)).returncode:
        raise InputError(f"git can't forget {FEEDBACK}; commit or undo your changes of it first.")
    if status := import_module("dvc.cli").main(["add", "--quiet", str(FEEDBACK)]):
        # Else the next commit would take the feedback from all clones, with nothing in its place.
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

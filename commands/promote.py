"""Make the model of the last commit live in a stage.

    python -m commands.promote stack small prod

Refuses a model that is worse than no tuning, one that is only INCONCLUSIVE (unless --force is
given), measures that do not belong to the model's bytes, and uncommitted changes.

Reads   params.yaml, dvc.yaml, dvc.lock and metrics/MODEL/SIZE.json of the last commit
        models/MODEL/SIZE/
Writes  git tags: MODEL@vX.Y.Z and MODEL#STAGE#N
"""

from pathlib import Path

import click

from findtune.registry.promotion import Change, promote
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model")
@click.argument("size")
@click.argument("stage")
@click.option("--force", is_flag=True, help="Promote it even if the verdict is INCONCLUSIVE.")
def main(model: str, size: str, stage: str, force: bool) -> None:
    """Make MODEL at SIZE live in STAGE."""
    change = promote(Path(), model, stage, size, force=force)
    click.echo("\n".join(change_lines(model, stage, change)))


def change_lines(model: str, stage: str, change: Change) -> list[str]:
    """Return the lines that say what has changed, and how to publish it."""
    instead = f" instead of {change.before}" if change.before else ""
    tags = " ".join(f"'{tag}'" for tag in change.tags)
    return [
        f"{model} {change.version} is live in {stage}{instead}: {change.measured}",
        # atomic: if somebody published the same version first, none of the tags may be pushed
        f"Publish it: make push && git push --atomic origin {tags}",
    ]


if __name__ == "__main__":
    main()

"""Go back to the version that was live in a stage before.

    python -m commands.rollback stack prod

Reads   git tags
Writes  a git tag: MODEL#STAGE#N
"""

from pathlib import Path

import click

from commands.promote import change_lines
from findtune.registry.promotion import rollback
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model")
@click.argument("stage")
def main(model: str, stage: str) -> None:
    """Go back to the version of MODEL that was live in STAGE before."""
    change = rollback(Path(), model, stage)
    click.echo("\n".join(change_lines(model, stage, change)))
    click.echo(f"Get its bytes: dvc artifacts get . {model} --stage {stage} --out DIR")


if __name__ == "__main__":
    main()

"""Write the report of the last evaluation again, and print its path.

    python -m commands.report small

Refuses examples that were made again, as by `make preview`, since a model or the stack was
measured: measures refer to examples by number or position, and would appear beside the wrong
questions.

Reads   params.yaml: models
        dvc.lock; all that stages/report.py reads
Writes  metrics/report-SIZE.html
"""

from pathlib import Path

import click

from commands.table import read_metrics
from findtune.core import params
from findtune.core.errors import InputError
from findtune.health.missing import refuse_unknown_size
from findtune.tracking.lock import Stages, examples_made_again, read_lock
from stages import report
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
@click.pass_context
def main(ctx: click.Context, size: str) -> None:
    """Write the report of SIZE again."""
    refuse_unknown_size(size)
    stages = read_lock()
    for name in [*params.read("models", list[str]), "stack"]:
        refuse_other_examples(stages, name, size)
        if Path("metrics", name, f"{size}.json").exists():
            read_metrics(f"{name}/{size}")  # refuses a file with an unresolved merge conflict
    ctx.invoke(report.main, size=size)


def refuse_other_examples(stages: Stages, name: str, size: str) -> None:
    """Raise InputError if a model or the stack was measured on other examples than those here."""
    for examples in examples_made_again(stages, f"metrics/{name}/{size}.json"):
        raise InputError(
            f"{examples} was made again since the {name} was measured; "
            f"`make train SIZE={size}` measures it on these."
        )


if __name__ == "__main__":
    main()

"""Write the report again, as last evaluated, and print its path.

    python -m commands.report small

Refuses examples that were made again since a model was measured, as `make preview` makes them: its
measures have the numbers of the earlier ones, and would stand beside other questions.

Reads   params.yaml: models
        dvc.lock; all that stages/report.py reads
Writes  metrics/report-SIZE.html
"""

import click

from findtune.core import params
from findtune.core.errors import InputError
from findtune.tracking.lock import Stages, all_outs, read_lock
from stages import report
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
@click.pass_context
def main(ctx: click.Context, size: str) -> None:
    """Write the report of SIZE again."""
    stages = read_lock()
    for model in params.read("models", list[str]):
        refuse_other_examples(stages, model, size)
    ctx.invoke(report.main, size=size)


def refuse_other_examples(stages: Stages, model: str, size: str) -> None:
    """Raise InputError if a model was measured on other examples than those that are here."""
    metrics, examples = f"metrics/{model}/{size}.json", f"data/examples/{model}/{size}"
    made = all_outs(stages).get(examples)
    for stage in stages.values():
        if metrics in stage.outs and stage.deps.get(examples) != made:
            raise InputError(
                f"{examples} was made again since the {model} was measured; "
                f"`make train SIZE={size}` measures it on these."
            )


if __name__ == "__main__":
    main()

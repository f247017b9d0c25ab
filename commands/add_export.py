"""Add models to export.models, the list that `dvc repro` makes int8 copies of.

    python -m commands.add_export embedder reranker

Reads   params.yaml: export.models
Writes  params.yaml: export.models; comments and layout are kept
"""

import click

from commands.add_size import with_items
from findtune.core import params
from findtune.core.files import atomic_open
from stages.command import Stage
from stages.export import MODELS


@click.command(cls=Stage)
@click.argument("models", nargs=-1, required=True, type=click.Choice(MODELS))
def main(models: tuple[str, ...]) -> None:
    """Add MODELS to export.models in params.yaml, unless they are listed already."""
    listed = params.read("export.models", list[str])
    new = [model for model in models if model not in listed]
    if not new:
        return
    text = params.PARAMS.read_text(encoding="utf-8")
    with atomic_open(params.PARAMS) as file:
        file.write(with_items(text, "export.models", [*listed, *new]))
    click.echo(f"params.yaml: export.models is now {', '.join([*listed, *new])}.")


if __name__ == "__main__":
    main()

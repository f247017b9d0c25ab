"""Add a size to those that `dvc repro` builds.

    python -m commands.add_size medium

Reads   params.yaml: models, sizes, and each model's section
Writes  params.yaml: sizes; comments and layout are kept
"""

import click
from ruamel.yaml import YAML

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import atomic_open
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Add SIZE to the sizes in params.yaml, unless it is there."""
    if size in params.read("sizes", list[str]):
        return
    for model in params.read("models", list[str]):
        known = params.lookup(model)
        if size not in known:
            sizes = ", ".join(known)
            raise InputError(f"params.yaml has no {model}.{size}; its sizes are {sizes}.")
    yaml = layout_keeping_yaml()
    document = yaml.load(params.PARAMS)
    document["sizes"].append(size)
    with atomic_open(params.PARAMS) as file:
        yaml.dump(document, file)
    sizes = ", ".join(document["sizes"])
    click.echo(f"params.yaml: sizes is now {sizes}; `dvc repro` builds them.")


def layout_keeping_yaml() -> YAML:
    """Return a reader and writer that keeps the comments and the layout of params.yaml."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


if __name__ == "__main__":
    main()

"""Put a size on the list of those that `dvc repro` builds.

    python -m stages.enlist medium

Reads   params.yaml: sizes, and the sections of SIZE
Writes  params.yaml: sizes, with its comments kept
"""

import click
from ruamel.yaml import YAML

from findtune import params
from findtune.errors import InputError
from findtune.files import replacing
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Put SIZE on the list in params.yaml, unless it is there."""
    listed = params.read("sizes", list[str])
    models = params.read("models", list[str])
    without = [model for model in models if size not in params.lookup(model)]
    if without:
        known = ", ".join(params.lookup(without[0]))
        raise InputError(f"params.yaml has no {without[0]}.{size}; its sizes are {known}.")
    if size in listed:
        return
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    document = yaml.load(params.PARAMS)
    document["sizes"].append(size)
    with replacing(params.PARAMS) as file:
        yaml.dump(document, file)
    click.echo(
        f"params.yaml: sizes is now {', '.join(document['sizes'])}; `dvc repro` builds them."
    )


if __name__ == "__main__":
    main()

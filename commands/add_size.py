"""Add a size to those that `dvc repro` builds, and skip the models that are not trained.

    python -m commands.add_size medium

Reads   params.yaml: models, sizes, and each model's section
Writes  params.yaml: sizes, and skip: the models that `models` lacks; comments and layout are kept
"""

from collections.abc import Sequence

import click
from ruamel.yaml import YAML

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import atomic_open
from findtune.health.needed_params import refuse_missing_params
from stages.command import Stage
from stages.skip import MODELS as SKIPPED


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Add SIZE to the sizes in params.yaml, unless it is there; let skip be what models lacks."""
    refuse_missing_params()
    models = params.read("models", list[str])
    new = {
        "sizes": with_size(size, models),
        "skip": [model for model in SKIPPED if model not in models],
    }
    changed = {key: value for key, value in new.items() if value != params.read(key, list[str])}
    if not changed:
        return
    yaml = layout_keeping_yaml()
    document = yaml.load(params.PARAMS)
    for key, value in changed.items():
        document[key].fa.set_flow_style()  # an empty list has no style to keep
        document[key][:] = value
    with atomic_open(params.PARAMS) as file:
        yaml.dump(document, file)
    if "sizes" in changed:
        click.echo(f"params.yaml: sizes is now {', '.join(new['sizes'])}; `dvc repro` builds them.")
    if "skip" in changed:
        click.echo(f"params.yaml: skip is now [{', '.join(new['skip'])}], what models lacks.")


def with_size(size: str, models: Sequence[str]) -> list[str]:
    """Return the sizes with one more; raise InputError where a model has no such size."""
    sizes = params.read("sizes", list[str])
    if size in sizes:
        return sizes
    for model in models:
        known = params.lookup(model)
        if size not in known:
            names = ", ".join(known)
            raise InputError(f"params.yaml has no {model}.{size}; its sizes are {names}.")
    return [*sizes, size]


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

"""Add a size to those that `dvc repro` builds, and list the untrained models in `skip`.

    python -m commands.add_size medium

Reads   params.yaml: models, sizes, and each model's section
Writes  params.yaml: sizes, and skip (the models not in `models`); comments and layout are kept
"""

from collections.abc import Sequence
from typing import Any, cast

import click
import yaml

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import atomic_open
from findtune.health.needed_params import refuse_missing_params
from stages.command import Stage
from stages.skip import MODELS as SKIPPED


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Add SIZE to the sizes in params.yaml; set skip to the models that are not trained."""
    refuse_missing_params()
    models = params.read("models", list[str])
    new = {
        "sizes": with_size(size, models),
        "skip": [model for model in SKIPPED if model not in models],
    }
    changed = {
        key: value for key, value in new.items() if {*value} != {*params.read(key, list[str])}
    }
    if not changed:
        return
    text = params.PARAMS.read_text(encoding="utf-8")
    for key, value in changed.items():
        text = with_items(text, key, value)
    with atomic_open(params.PARAMS) as file:
        file.write(text)
    if "sizes" in changed:
        click.echo(f"params.yaml: sizes is now {', '.join(new['sizes'])}; `dvc repro` builds them.")
    if "skip" in changed:
        click.echo(f"params.yaml: skip is now [{', '.join(new['skip'])}], the untrained models.")


def with_size(size: str, models: Sequence[str]) -> list[str]:
    """Return the sizes with one added; raise InputError if a model has no such size."""
    sizes = params.read("sizes", list[str])
    if size in sizes:
        return sizes
    for model in models:
        known = params.lookup(model)
        if size not in known:
            names = ", ".join(known)
            raise InputError(f"params.yaml has no {model}.{size}; its sizes are {names}.")
    return [*sizes, size]


def with_items(text: str, key: str, values: Sequence[str]) -> str:
    """Return a YAML text with the values of one list replaced; all else, comments too, is kept.

    key: dotted. The text is edited at the positions that the parser reports, since a YAML writer
    moves or drops the comments beside the items of a list.
    """
    name, items = node_of(text, key)
    raw = {item.value: text[item.start_mark.index : item.end_mark.index] for item in items.value}
    if items.flow_style:
        listed = ", ".join(raw.get(value, value) for value in values)
        return f"{text[: items.start_mark.index]}[{listed}]{text[items.end_mark.index :]}"
    lines = [line_of(text, item) for item in items.value]
    indent = " " * items.start_mark.column
    added = [f"{indent}- {value}\n" for value in values if value not in raw]
    end = lines[-1][1]
    separator = "" if text[:end].endswith("\n") else "\n"
    text = f"{text[:end]}{separator}{''.join(added)}{text[end:]}"
    for item, (start, end) in reversed([*zip(items.value, lines, strict=True)]):
        text = text if item.value in values else text[:start] + text[end:]
    colon = text.index(":", name.end_mark.index) + 1
    return text if values else f"{text[:colon]} []{text[colon:]}"


def node_of(text: str, key: str) -> tuple[Any, Any]:
    """Return the nodes of a dotted key and of its value."""
    name, value = None, cast("Any", yaml.compose(text))
    for part in key.split("."):
        [(name, value)] = [pair for pair in value.value if pair[0].value == part]
    return name, value


def line_of(text: str, node: Any) -> tuple[int, int]:
    """Return where the line of an item begins and ends, as offsets in the text."""
    start = text.rfind("\n", 0, node.start_mark.index) + 1
    end = text.find("\n", node.end_mark.index) + 1
    return start, end or len(text)


if __name__ == "__main__":
    main()

"""The keys of params.yaml that dvc.yaml needs, reported before DVC runs a stage.

DVC's own message names a key that is missing, but not what to write.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import reduce
from itertools import product
from operator import getitem
from pathlib import Path
from typing import Any

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.shipped_params import additions

PIPELINE = Path("dvc.yaml")
TEMPLATE = re.compile(r"\$\{([a-z_.]+)(?:\[\d+\])?\}")
Item = Mapping[str, Any]  # of a matrix or foreach: name -> value


def refuse_missing_params() -> None:
    """Raise InputError when params.yaml lacks keys that dvc.yaml names and the shipped one has.

    DVC reports all other mistakes in these files.
    """
    if not PIPELINE.exists() or not params.PARAMS.exists():
        return
    content, keys = params.load(params.PARAMS), []
    with suppress(AttributeError, KeyError, TypeError, InputError):  # not in our format
        keys = [*needed_keys(params.load(PIPELINE), content)]
    depths = {key: depth_of(key, content) for key in keys}
    missing = {key: depth for key, depth in depths.items() if depth < key.count(".") + 1}
    if lines := [*additions(missing)]:
        raise InputError(f"{params.PARAMS} lacks what the stages need; {'; '.join(lines)}.")


def refuse_skipped_models() -> None:
    """Raise InputError when params.yaml both trains and skips a model; DVC would blame dvc.yaml."""
    content = params.load(params.PARAMS) if params.PARAMS.exists() else {}
    with suppress(AttributeError, TypeError):  # not in our format, which the stages refuse
        for model in [
            name for name in content.get("models", []) if name in content.get("skip", [])
        ]:
            raise InputError(
                f"{params.PARAMS}: `models` and `skip` both name {model}; remove it from `skip`."
            )


def needed_keys(pipeline: Any, content: Any) -> Iterator[str]:
    """Yield the dotted keys that the stages of a dvc.yaml depend on, and those of its templates."""
    for stage in pipeline["stages"].values():
        entry = stage.get("do", stage)
        rows = [*items(stage, content)]
        for text in texts(stage):
            yield from (key for key in TEMPLATE.findall(text) if key.split(".")[0] != "item")
        for key in entry.get("params", []):
            yield from (filled_in(key, item) for item in (rows if "$" in key else [{}]))


def filled_in(key: str, item: Item) -> str:
    """Return a key with the values of one instance of its stage."""
    return TEMPLATE.sub(lambda match: str(item[match[1].removeprefix("item.")]), key)


def items(stage: Mapping[str, Any], content: Any) -> Iterator[Item]:
    """Yield the values that each instance of a stage fills in; {} for a stage without a matrix."""
    if "foreach" in stage:
        yield from stage["foreach"].values()
        return
    matrix = stage.get("matrix", {})
    for values in product(*(listed(axis, content) for axis in matrix.values())):
        yield dict(zip(matrix, values, strict=True))


def listed(axis: Any, content: Any) -> list[Any]:
    """Return the values of one axis of a matrix; an empty list if params.yaml lacks them."""
    match = TEMPLATE.fullmatch(axis) if isinstance(axis, str) else None
    if not match:
        return list(axis)
    complete = depth_of(match[1], content) == match[1].count(".") + 1
    return [*reduce(getitem, match[1].split("."), content)] if complete else []


def texts(value: Any) -> Iterator[str]:
    """Yield all strings in a YAML value."""
    if isinstance(value, str):
        yield value
    parts = value.values() if isinstance(value, dict) else value
    for part in parts if isinstance(value, (dict, list)) else ():
        yield from texts(part)


def depth_of(key: str, content: Any) -> int:
    """Return how many leading parts of a dotted key a params.yaml has."""
    for depth, part in enumerate(key.split(".")):
        if not isinstance(content, dict) or part not in content:
            return depth
        content = content[part]
    return key.count(".") + 1

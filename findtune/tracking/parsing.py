"""Parsing each YAML text once while DVC runs in our own process.

DVC parses params.yaml for every stage that has a parameter, and dvc.yaml and dvc.lock several times
over. Where nothing has changed, that is a third of the time of a run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

from findtune.tracking.lock import LOCK

# Each module imports the function under its own name. DVC is pinned to one version.
USERS = ("dvc.utils.serialize._yaml", "dvc.utils.strictyaml")


@contextmanager
def parsed_once() -> Iterator[None]:
    """Let DVC, in this process, parse a text of YAML once; each caller gets a copy of its own."""
    modules: list[Any] = [import_module(name) for name in USERS]
    original = modules[0].parse_yaml
    values: dict[str, Any] = {}

    def parse(text: str, path: str, typ: str = "safe") -> Any:
        if typ != "safe" and not is_plain_lock(text, path):  # for edits that keep comments
            return original(text, path, typ)
        if text not in values:
            values[text] = original(text, path)
        return deepcopy(values[text])

    for module in modules:
        module.parse_yaml = parse
    try:
        yield
    finally:
        for module in modules:
            module.parse_yaml = original


def is_plain_lock(text: str, path: str) -> bool:
    """Return whether a file is a dvc.lock without comments.

    DVC reads it for an edit after each stage, four times as slowly as without comments, and then
    writes the same bytes either way.
    """
    return Path(path).name == LOCK.name and "#" not in text

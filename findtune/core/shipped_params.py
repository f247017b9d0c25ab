"""The values that params.yaml ships with: what to write where a file lacks a key.

A team keeps its params.yaml when it updates the project, so it may lack newer keys.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SHIPPED = Path(__file__).parents[2] / "starter" / "params.yaml"
MISSING = object()
SIZE = "small"  # sizes that are not shipped get the values of this one


def remedy(key: str, depth: int | None = None) -> str:
    """Return how to add a dotted key, as the end of a message; empty if no such key is shipped.

    depth: how many leading parts of the key the file has; by default all but the last.
    """
    parts = key.split(".")
    depth = len(parts) - 1 if depth is None else depth
    return "".join(f"; {text}" for text in additions({key: depth}))


def additions(keys: Mapping[str, int]) -> Iterator[str]:
    """Yield what to write where for each key that is shipped, grouped by section.

    keys: dotted key -> how many leading parts of it the file has.
    """
    sections: dict[str, dict[str, Any]] = {}  # section of the file -> what to write there
    for key, depth in keys.items():
        parts = key.split(".")
        value = shipped_value(parts)
        if value is not MISSING:
            section = sections.setdefault(".".join(parts[:depth]), {})
            put(section, parts[depth:], value)
    for place, section in sections.items():
        for name, value in section.items():
            line = f"`{name}: {flow(value)}`"
            yield f"write {line} under {place}" if place else f"write the line {line}"


def put(section: dict[str, Any], parts: list[str], value: Any) -> None:
    """Set a nested value in a section, and create the sections on the way."""
    *outer, last = parts
    for part in outer:
        section = section.setdefault(part, {})
    section[last] = value


def shipped_value(parts: list[str]) -> Any:
    """Return the value of a key as shipped, or MISSING.

    For a size that is not shipped, the value is that of the size small.
    """
    value = shipped()
    for number, part in enumerate(parts, start=1):
        if not isinstance(value, dict):
            return MISSING
        inside = number < len(parts)
        value = value.get(SIZE if inside and SIZE in value and part not in value else part, MISSING)
    return value


@cache
def shipped() -> Any:
    """Return params.yaml as shipped; empty where the project was installed without it."""
    return yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.is_file() else {}


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"))
    return text.removesuffix("...\n").strip()

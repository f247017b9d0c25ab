"""params.yaml as typed, frozen values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from findtune.errors import InputError

PARAMS = Path("params.yaml")
T = TypeVar("T")


class Section(BaseModel):
    """A section of params.yaml: no defaults, no unknown keys, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read(key: str, into: type[T], path: Path = PARAMS) -> T:
    """Return what stands under a dotted key, checked against a type.

    Raises InputError for a missing key, an unknown one, or a value of the wrong type.
    """
    found = lookup(key, path)
    try:
        return TypeAdapter(into).validate_python(found)
    except ValidationError as error:
        raise InputError(f"{path}: {complaints(key, into, error)}") from None


def lookup(key: str, path: Path = PARAMS) -> Any:
    """Return the plain value under a dotted key."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no {path} here; run this where it is.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {error}") from None
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            known = ", ".join(map(str, found)) if isinstance(found, dict) else repr(found)
            raise InputError(f"{path} has no {key}: found {known}, not {part}.")
        found = found[part]
    return found


def keys(into: Any, place: Sequence[Any]) -> list[str]:
    """Return the keys of a section, or of the one at a place inside it."""
    for part in place:
        outer = into.model_fields[part].annotation
        into = next(kind for kind in (outer, *get_args(outer)) if hasattr(kind, "model_fields"))
    return list(getattr(into, "model_fields", {}))


def complaints(key: str, into: type, error: ValidationError) -> str:
    """Return one line for all that is wrong in a section."""
    told = []
    for problem in error.errors():
        place = ".".join([key, *map(str, problem["loc"])])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(keys(into, problem["loc"][:-1]))
            told.append(f"{place} is not a known key; known are {known}")
        elif problem["type"] == "missing":
            told.append(f"{place} is missing")
        else:
            told.append(f"{place} is {problem['input']!r}: {problem['msg'].lower()}")
    return "; ".join(told) + "."

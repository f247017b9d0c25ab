"""params.yaml as typed, frozen values.

It is read as YAML 1.2, as DVC does, so that a run uses what dvc.lock records: 010 is ten, `no` is a
string, and 5e-05 is a number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from findtune.core.errors import InputError
from findtune.core.shipped_params import remedy

PARAMS = Path("params.yaml")
CONFLICT_MARKS = ("<<<<<<< ", ">>>>>>> ")
T = TypeVar("T")
SEEDS = 2**32  # seeds are lower: a limit of numpy, which the libraries seed too
# The type of a seed. mypy is told int, since it takes no Annotated value for a type.
Seed: type[int] = cast(Any, Annotated[int, Field(ge=0, lt=SEEDS)])


class Section(BaseModel):
    """A section of params.yaml: no default values, no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read(key: str, into: type[T], path: Path = PARAMS) -> T:
    """Return the value under a dotted key, validated against a type.

    Raises InputError for a missing key, an unknown key, or a value of the wrong type.
    """
    value = lookup(key, path)
    try:
        return TypeAdapter(into).validate_python(value)
    except ValidationError as error:
        raise InputError(f"{path}: {describe_errors(key, into, error)}") from None


def lookup(key: str, path: Path = PARAMS) -> Any:
    """Return the plain value under a dotted key; raise InputError if it is missing."""
    value = load(path)
    for depth, part in enumerate(key.split(".")):
        if not isinstance(value, dict) or part not in value:
            known = ", ".join(map(str, value)) if isinstance(value, dict) else repr(value)
            message = f"{path} has no {key}: found {known}, not {part}"
            raise InputError(f"{message}{remedy(key, depth)}.")
        value = value[part]
    return value


def load(path: Path) -> Any:
    """Return the content of a YAML file; raise InputError when it can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
        refuse_conflict(text, path)
        return YAML(typ="safe").load(text)
    except FileNotFoundError:
        raise InputError(f"there is no {path} here; run this in the project's folder.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); save it as UTF-8.") from None
    except YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {describe_yaml_error(error)}.") from None


def refuse_conflict(text: str, path: Path) -> None:
    """Raise InputError for a text with git's merge conflict markers."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(CONFLICT_MARKS):
            raise InputError(
                f"{path}, line {number}: a mark of a merge conflict; keep one of the two sides "
                "and delete the marks."
            )


def describe_yaml_error(error: YAMLError) -> str:
    """Return one line about a mistake in YAML: where and what."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())
    hint = "; indent with blanks, not with tabs" if {"'\\t'", "tab"} & {*problem.split()} else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{hint}"


def describe_errors(key: str, into: type, error: ValidationError) -> str:
    """Return one line that names everything that is wrong in a section."""
    messages = []
    for problem in error.errors():
        full_key = ".".join([key, *map(str, problem["loc"])])
        if problem["type"] == "extra_forbidden":
            known = ", ".join(known_keys(into, problem["loc"][:-1]))
            messages.append(f"{full_key} is not a known key; known keys are {known}")
        elif problem["type"] == "missing":
            messages.append(f"{full_key} is missing{remedy(full_key)}")
        else:
            messages.append(f"{full_key} is {problem['input']!r}: {problem['msg'].lower()}")
    return "; ".join(messages) + "."


def known_keys(section: Any, path: Sequence[Any]) -> list[str]:
    """Return the keys of a section, or of the section at a path inside it."""
    for part in path:
        outer = section.model_fields[part].annotation
        candidates = (outer, *get_args(outer))
        section = next(kind for kind in candidates if hasattr(kind, "model_fields"))
    return list(getattr(section, "model_fields", {}))

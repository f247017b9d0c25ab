"""The DVC repository of this folder."""

from importlib import import_module
from typing import Any

from findtune.core.errors import InputError


def open_repo(**options: Any) -> Any:
    """Return the DVC repository here, as a dvc.repo.Repo; raise InputError where there is none."""
    repo = import_module("dvc.repo")  # takes a second, and --help does not need it
    try:
        return repo.Repo(**options)
    except import_module("dvc.exceptions").NotDvcRepoError:
        raise InputError("this is no DVC repository; run this in the project's folder.") from None

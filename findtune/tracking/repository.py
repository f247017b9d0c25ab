"""The DVC repository of this folder."""

from importlib import import_module
from typing import Any

from findtune.core.errors import InputError
from findtune.tracking.git import NO_REPOSITORY


def has_remote() -> bool:
    """Return whether DVC has a default remote here; not if it can't be determined."""
    try:
        return bool(open_repo().config["core"].get("remote"))
    except InputError:
        return False
    except Exception as error:  # DVC takes a second to load, so it is imported only here
        if not isinstance(error, import_module("dvc.exceptions").DvcException):
            raise
        return False


def open_repo(**options: Any) -> Any:
    """Return the DVC repository here, as a dvc.repo.Repo.

    Raises InputError where there is none, or no git repository around it.
    """
    module = import_module("dvc.repo")  # takes a second, and --help does not need it
    try:
        repo = module.Repo(**options)
        repo.scm  # noqa: B018  # opens git, which raises what is caught below
        return repo
    except import_module("dvc.exceptions").NotDvcRepoError:
        raise InputError("this is not a DVC repository; run it in the project's folder.") from None
    except import_module("dvc.scm").SCMError:
        raise InputError(NO_REPOSITORY) from None

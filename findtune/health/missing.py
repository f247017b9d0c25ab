"""What to do where models or data are not here: what makes or fetches them, at which sizes."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from findtune.core import params
from findtune.core.errors import InputError
from findtune.tracking.hashing import folder_md5, object_path, path_md5, read_listing
from findtune.tracking.lock import all_outs, read_pointer, read_pointers
from findtune.tracking.repository import has_remote, open_repo

DATA = Path("data")
FEEDBACK = DATA / "training_data"
POINTER = DATA / "training_data.dvc"  # there after `make private`


def known_sizes() -> list[str]:
    """Return the sizes that all models of params.yaml have; none if it isn't in our format."""
    with suppress(AttributeError, KeyError, TypeError, ValueError, InputError):
        content = params.load(params.PARAMS)
        first, *others = (content[model] for model in content["models"])
        return [str(size) for size in dict(first) if all(size in other for other in others)]
    return []


def no_such_size(size: str) -> str:
    """Return which sizes there are, or an empty text if this is one of them."""
    sizes = known_sizes()
    if not sizes or size in sizes:
        return ""
    return f"{params.PARAMS} has no size {size}; its sizes are {', '.join(sizes)}"


def refuse_unknown_size(size: str) -> None:
    """Raise InputError for a size that no training can make."""
    if message := no_such_size(size):
        raise InputError(f"{message}.")


def how_to_make(size: str, models: str = "") -> str:
    """Return what makes something of a size. models: the one that is needed, if others are not."""
    options = f"MODELS={models} SIZE={size}" if models else f"SIZE={size}"
    return no_such_size(size) or f"`make train {options}` makes it"


def how_to_get(size: str, models: str = "") -> str:
    """Return what makes something of a size that DVC keeps, or fetches it if there is a remote."""
    made = how_to_make(size, models)
    if no_such_size(size) or not has_remote():
        return made
    return f"`make pull` fetches it if it was published, and {made}"


def missing_data() -> Iterator[str]:
    """Yield a line for all data that DVC keeps and no stage makes, as after `make private`."""
    for path in all_outs(read_pointers(DATA)):
        if not Path(path).exists():
            yield f"there is no {path} here; `make pull` fetches it."


def refuse_unfetched_feedback() -> None:
    """Raise InputError if DVC keeps feedback that was never here, or if that is unclear.

    After a new file is written beside it, `make pull` would fail, and `make private` drop the rest.
    """
    if not POINTER.exists():
        return
    digest = read_pointer(POINTER).outs.get(FEEDBACK.as_posix())
    if not FEEDBACK.is_dir():
        raise InputError(
            f"{POINTER} names feedback, but {FEEDBACK} is not here; `make pull` first."
        )
    if not digest:
        return
    # What DVC keeps here of the feedback: all that was fetched or added here.
    cache = Path(open_repo().cache.local.path)
    listing = read_listing(object_path(cache, digest))
    if not listing and digest not in (folder_md5({}), path_md5(FEEDBACK)):
        raise InputError(
            f"it is unclear whether {FEEDBACK} has all files that {POINTER} names; `make pull`, "
            f"or, if they are all here, `dvc add {FEEDBACK}`."
        )
    if not all(was_here(name, md5, cache) for name, md5 in listing.items()):
        raise InputError(
            f"{FEEDBACK} lacks files that {POINTER} names; `make pull` first (if it refuses, move "
            "the files that are here away, and put your own back afterwards)."
        )


def was_here(name: str, md5: str, cache: Path) -> bool:
    """Return whether a file of the feedback is here, or was: then a person has deleted it."""
    return (FEEDBACK / name).exists() or object_path(cache, md5).exists()

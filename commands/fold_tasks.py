"""Cross-validation runs as Ray tasks: what each needs, and where it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from findtune.cluster import ray_tasks
from findtune.core import params
from stages import rooms
from stages.command import keep_freed_memory

if TYPE_CHECKING:
    from commands.crossvalidate import Run

DATA = Path("data")  # in the folder of a task

Result = TypeVar("Result")


def run_on_cluster(
    function: Callable[[Run], Result], runs: Sequence[Run]
) -> Iterator[tuple[Run, Result]]:
    """Yield each run with its result as soon as it has one, in any order.

    Raises InputError as `ray_tasks.map_in_folders` does, and whatever the function raises.
    """
    return ray_tasks.map_in_folders(partial(run_here, function), runs, needs_of)


def needs_of(run: Run) -> ray_tasks.Needs:
    """Return the files and the number of threads that a run needs."""
    clean = run.data / "clean" / run.model
    sources = {folder: folder for folder in rooms.base_folders(run.model, run.size).values()}
    sources[DATA / "clean" / run.model] = clean
    files = {
        str(target / path.relative_to(source)): path
        for target, source in sources.items()
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }
    threads = int(params.lookup(f"{run.model}.{run.size}.threads"))
    return ray_tasks.Needs({str(params.PARAMS): params.PARAMS, **files}, threads)


def run_here(function: Callable[[Run], Result], run: Run) -> Result:
    """Return the result of a run, which reads the data in the folder of its task."""
    keep_freed_memory()
    return function(replace(run, data=DATA))

"""Check the machine, the repository and every byte that DVC keeps.

    python -m commands.doctor

Prints one line for each check: ok, warn or fail, what was seen, and what to do about it.
Exits with status 1 if a check fails.

Reads   params.yaml: models, sizes, base
        dvc.yaml, dvc.lock, data/*.dvc and everything they name
        requirements.lock, requirements.torch.lock
        the cache and the configuration of DVC, its locks, and the default remote's first folder
Writes  nothing
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from findtune.bases.entry import BaseEntry
from findtune.core import params
from findtune.health.contents import (
    check_bases,
    check_cache,
    check_manifests,
    check_outputs,
    size_to_read,
)
from findtune.health.finding import Finding
from findtune.health.machine import check_disk, check_hardware, check_memory, check_python
from findtune.health.pipeline import check_pipeline
from findtune.health.repository import check_git, check_locks, check_remote
from findtune.tracking.lock import LOCK, Stages, read_lock, read_pointers
from findtune.tracking.repository import open_repo
from stages.command import Stage

DATA = Path("data")
PINS = (Path("requirements.torch.lock"), Path("requirements.lock"))


@click.command(cls=Stage)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Check everything that a training and a search rely on."""
    failed = False
    for finding in findings():
        click.echo(finding.line())
        failed |= finding.status == "fail"
    if failed:
        ctx.exit(1)


def findings() -> Iterator[Finding]:
    """Yield the findings of every check; those that read many bytes come last."""
    yield check_python(PINS)
    yield check_disk(Path())
    yield check_memory()
    yield check_hardware()
    yield check_git(Path())
    repo = open_repo()
    locks = check_locks(Path(repo.tmp_dir))
    yield from locks
    yield check_remote(repo)
    stages = read_lock() if LOCK.exists() else {}
    if locks[0].status == "ok":  # DVC would wait for the lock
        yield from check_pipeline(repo, stages)
    yield from check_bases(base_entries())
    yield from check_contents(stages, Path(repo.cache.local.path))


def base_entries() -> dict[Path, BaseEntry]:
    """Return the entries of all base models that `dvc repro` fetches, by their folders."""
    return {
        Path("models", "base", model, size): params.read(f"base.{model}.{size}", BaseEntry)
        for model in params.read("models", list[str])
        for size in params.read("sizes", list[str])
    }


def check_contents(stages: Stages, cache: Path) -> list[Finding]:
    """Return the findings about outputs and the cache; show a progress bar meanwhile."""
    size = size_to_read(stages, cache)
    label = f"Reading {size / 1e9:.1f} GB"
    with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
        progress: Callable[[int], object] = bar.update
        outputs = check_outputs(stages, cache, progress)
        objects = check_cache({**stages, **read_pointers(DATA)}, cache, progress)
    return [*outputs, *check_manifests(stages), *objects]


if __name__ == "__main__":
    main()

"""Run one contestant of `make bench` in this process, and write what it measures.

    python -m commands.bench_contestant small encoding ours result.json

`make bench` calls it, so that each contestant has its own process. The idle threads of all
contestants soon sleep, as in our stages; only ours also keeps freed memory.

Reads   params.yaml, models/, data/examples/
Writes  the file
"""

import resource
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import click

from findtune.benchmark.comparisons import COMPARISONS, OURS, QUALITY
from findtune.benchmark.project import Project
from findtune.core.files import write_json
from stages.command import Stage, TorchStage, keep_freed_memory


class ContestantStage(Stage):
    """A stage with the environment of stages that load models, for ours and for stock."""

    environment: ClassVar[Mapping[str, str]] = TorchStage.environment


@click.command(cls=ContestantStage)
@click.argument("size")
@click.argument("comparison", type=click.Choice([*COMPARISONS, *QUALITY]))
@click.argument("contestant")
@click.argument("out", type=click.Path(path_type=Path))
def main(size: str, comparison: str, contestant: str, out: Path) -> None:
    """Run CONTESTANT of COMPARISON with the models of SIZE, and write OUT."""
    if contestant == OURS:
        keep_freed_memory()
    module = import_module(f"findtune.benchmark.{comparison}")
    result = module.CONTESTANTS[contestant](Project(Path(), size))
    write_json(out, result._replace(peak_bytes=peak_bytes())._asdict())


def peak_bytes() -> int:
    """Return the peak memory of this process in bytes. Source: getrusage(2)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    main()

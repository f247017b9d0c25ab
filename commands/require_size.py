"""Refuse a size that `dvc repro` does not build, with what adds it; change nothing.

    python -m commands.require_size medium

Reads   params.yaml: models, sizes, and the sizes of each model
"""

import click

from findtune.core import params
from findtune.core.errors import InputError
from findtune.health.missing import refuse_unknown_size
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Fail unless SIZE is one of the sizes in params.yaml."""
    refuse_unknown_size(size)
    sizes = params.read("sizes", list[str])
    if size not in sizes:
        raise InputError(
            f"sizes in {params.PARAMS} lacks {size}; `make train SIZE={size}` adds it, or write "
            f"`sizes: [{', '.join([*sizes, size])}]` there."
        )


if __name__ == "__main__":
    main()

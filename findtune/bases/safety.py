"""Checks that a model folder holds no code, asks for none, and was not cut off."""

import json
import struct
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from findtune.core.errors import UnsafeModelError

SAFE_SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".gguf", ".jinja")
UNSAFE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py")
CODE_KEYS = ("auto_map", "_attn_implementation_internal", "custom_pipelines")
MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors format


def refuse_unsafe(folder: Path) -> None:
    """Check every file of a model folder.

    Raises UnsafeModelError if a file could run code, asks for code, or is not complete.
    """
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix.lower() in UNSAFE_SUFFIXES:
            raise UnsafeModelError(
                f"{path} can run code when loaded; keep only safetensors, json and text files."
            )
        if path.suffix == ".json":
            refuse_code(path)
        elif path.suffix == ".safetensors":
            refuse_broken(path)


def refuse_code(path: Path) -> None:
    """Raise UnsafeModelError if a config asks for code that is not part of the libraries."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnsafeModelError(f"{path} is not JSON: {error}.") from None
    for key, value in iter_items(config):
        if key in CODE_KEYS and value:
            raise UnsafeModelError(f"{path} asks for remote code ({key}); remove the key.")
        if path.name == "modules.json" and key == "type" and not is_known_module(value):
            raise UnsafeModelError(
                f"{path} names the module {value}; "
                "only modules of sentence_transformers are loaded."
            )


def is_known_module(name: Any) -> bool:
    """Return whether a module is one of sentence_transformers."""
    return isinstance(name, str) and name.startswith("sentence_transformers.")


def iter_items(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value of a JSON document, at any depth."""
    if isinstance(config, dict):
        yield from config.items()
    if isinstance(config, (dict, list)):
        for item in config.values() if isinstance(config, dict) else config:
            yield from iter_items(item)


def refuse_broken(path: Path) -> None:
    """Raise UnsafeModelError unless a safetensors file is complete.

    Source: the description of the format: 8 bytes with the length of the header (little-endian),
    a JSON header with the offsets of each tensor, then the tensors without gaps.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else MAX_HEADER_BYTES + 1
        if length > min(MAX_HEADER_BYTES, size - 8):
            raise UnsafeModelError(
                f"{path} is not a safetensors file, or was cut off; fetch it again."
            )
        try:
            spans = tensor_spans(json.loads(file.read(length)))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise UnsafeModelError(f"{path} has no readable header; fetch it again.") from None
    expected = 8 + length + (spans[-1][1] if spans else 0)
    if not is_contiguous(spans) or expected != size:
        raise UnsafeModelError(
            f"{path} has {size:,} bytes, but its header describes {expected:,}; "
            "it was cut off or altered: fetch it again."
        )


def tensor_spans(header: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the first byte and the end of each tensor in a safetensors header, in order."""
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    offsets = (tensor["data_offsets"] for tensor in tensors)
    return sorted((int(start), int(end)) for start, end in offsets)


def is_contiguous(spans: list[tuple[int, int]]) -> bool:
    """Return whether spans begin at 0 and each one begins where the last one ended."""
    if spans and spans[0][0] != 0:
        return False
    return all(left[1] == right[0] for left, right in pairwise(spans))

"""Checks that a model folder holds no code, asks for none, and was not cut off."""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from findtune.bases.gguf_header import refuse_absurd
from findtune.core.errors import UnsafeModelError

SAFE_SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".gguf", ".jinja")
UNSAFE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py")
CODE_KEYS = (
    *("auto_map", "_attn_implementation_internal", "custom_pipelines", "custom_generate"),
    *("trust_remote_code", "use_kernels", "kernel_config", "allow_all_kernels"),
)
# How a model computes attention or experts. Any other name may be a repository whose kernel
# transformers fetches and runs (`is_kernel` of its integrations.hub_kernels).
IMPLEMENTATION_KEYS = re.compile(r"_?(?:attn|experts|moe|linear_attn|mask)_implementation")
IMPLEMENTATIONS = (None, "eager", "sdpa", "flex_attention", "flash_attention_2", "grouped_mm")
# Keys that name a class for sentence_transformers to import.
CLASS_KEYS = (
    *("activation_fn", "activation_function"),
    *("default_activation_function", "sbert_ce_default_activation_function"),
)
KNOWN_CLASS = re.compile(r"\w+|torch\.nn\.(?:modules\.(?:activation|linear)\.)?\w+")
MAX_JSON_BYTES = 200_000_000  # multilingual tokenizers have 30 MB
MAX_HEADER_BYTES = 25_000_000  # of safetensors; the models here have some 20 kB
MAX_DIMENSIONS = 8
DTYPE_BITS = {"F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32}
DTYPE_BITS |= {"F16": 16, "BF16": 16, "I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8}
DTYPE_BITS |= {"F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}


def refuse_unsafe(folder: Path) -> None:
    """Check every file of a model folder.

    Raises UnsafeModelError if a file could run code, asks for code, or is not complete.
    """
    refuse_unsafe_names(folder)
    for path in files_below(folder):
        if path.suffix == ".json":
            refuse_code(path)
        elif path.suffix == ".safetensors":
            refuse_broken(path)
        elif path.suffix == ".gguf":
            refuse_absurd(path)


def refuse_unsafe_names(folder: Path) -> None:
    """Raise UnsafeModelError if a file's suffix is one that can hold code; no file is opened."""
    for path in files_below(folder):
        if path.suffix.lower() in UNSAFE_SUFFIXES:
            raise UnsafeModelError(
                f"{path} can run code when loaded; keep only safetensors, json and text files."
            )


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def refuse_code(path: Path) -> None:
    """Raise UnsafeModelError if a config asks for code that is not part of the libraries."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise UnsafeModelError(f"{path} has more than {MAX_JSON_BYTES:,} bytes; it is no config.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnsafeModelError(f"{path} is not JSON: {error}.") from None
    for key, value in iter_items(config):
        if key in CODE_KEYS and value:
            raise UnsafeModelError(f"{path} asks for remote code ({key}); remove the key.")
        if asks_for_kernel(key, value) or asks_for_class(key, value):
            raise UnsafeModelError(
                f"{path} asks for remote code ({key}: {str(value)[:80]!r}); remove the key."
            )
        if path.name == "modules.json" and key == "type" and not is_known_module(value):
            raise UnsafeModelError(
                f"{path} names the module {value}; "
                "only modules of sentence_transformers are loaded."
            )


def asks_for_kernel(key: str, value: Any) -> bool:
    """Return whether a config names an implementation that is not part of transformers.

    value: its name, or a dict from the parts of a model to names.
    """
    if not IMPLEMENTATION_KEYS.fullmatch(key):
        return False
    values = value.values() if isinstance(value, dict) else [value]
    return any(name not in IMPLEMENTATIONS for name in values)


def asks_for_class(key: str, value: Any) -> bool:
    """Return whether a config names a class to import that is not a layer of torch."""
    return key in CLASS_KEYS and isinstance(value, str) and not KNOWN_CLASS.fullmatch(value)


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
    """Return the first byte and the end of each tensor in a safetensors header, in order.

    Raises ValueError for a tensor whose shape does not fill its bytes.
    """
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    return sorted(map(tensor_span, tensors))


def tensor_span(tensor: Mapping[str, Any]) -> tuple[int, int]:
    """Return the first byte and the end of a tensor; raise ValueError if its shape doesn't fit."""
    start, end = map(int, tensor["data_offsets"])
    shape = tensor["shape"]
    if len(shape) > MAX_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError("a shape that is none")
    if (math.prod(shape) * DTYPE_BITS[tensor["dtype"]] + 7) // 8 != end - start:
        raise ValueError("a shape that does not fill its bytes")
    return start, end


def is_contiguous(spans: list[tuple[int, int]]) -> bool:
    """Return whether spans begin at 0 and each begins where the previous one ended."""
    if spans and spans[0][0] != 0:
        return False
    return all(left[1] == right[0] for left, right in pairwise(spans))

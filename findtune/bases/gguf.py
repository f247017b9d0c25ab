"""Converting a base model from one GGUF file to safetensors, tokenizer and config.

GGUF stores quantized weights, and reading it runs no code. Quantized weights can't be trained, so
every weight is written in fp32. This adds no precision: each weight keeps its value in the file.
Source of the format: the description in ggml; read by transformers.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from findtune.core.errors import UnsafeModelError

SUFFIX = ".gguf"


def convert(folder: Path, into: Path) -> None:
    """Write the causal language model of a folder's only GGUF file to another folder.

    Raises UnsafeModelError when there is not exactly one file, or it can't be read.
    """
    names = sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
    if len(names) != 1:
        raise UnsafeModelError(f"{folder} holds {len(names)} GGUF files; name one under files.")
    with quiet():
        write_converted(folder, names[0], into)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress progress bars, and warnings that weights are converted to fp32."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity_warning()  # type: ignore[no-untyped-call]


def write_converted(folder: Path, name: str, into: Path) -> None:
    """Read a GGUF file in a folder, and write its model and tokenizer to another folder."""
    try:
        quantized, missing, tokenizer = read(folder, name)
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, struct.error) as error:
        reason = " ".join(str(error).split())
        raise UnsafeModelError(f"{name} can't be read as GGUF: {reason}") from None
    if missing:  # transformers would fill them with random numbers
        raise UnsafeModelError(f"{name} lacks {', '.join(missing)}; fetch it again.")
    without_gguf(quantized).save_pretrained(into)
    tokenizer.save_pretrained(into)


def read(folder: Path, name: str) -> tuple[PreTrainedModel, list[str], PreTrainedTokenizerBase]:
    """Return the model in a GGUF file, the names of missing weights, and the tokenizer."""
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, output_loading_info=True
    )
    model, loading_info = loaded
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    return model, sorted(loading_info["missing_keys"]), tokenizer


def without_gguf(quantized: PreTrainedModel) -> PreTrainedModel:
    """Return the same weights in a model whose config has no trace of GGUF, so it can be saved."""
    fields = quantized.config.to_dict()
    fields.pop("quantization_config", None)
    config = type(quantized.config).from_dict({**fields, "_name_or_path": ""})
    model: PreTrainedModel = type(quantized)(config)
    model.load_state_dict(quantized.state_dict())
    model.generation_config = quantized.generation_config
    return model

"""A base that comes as one GGUF file, made a folder of safetensors, tokenizer and config.

GGUF holds numbers in few bits and runs no code when it is read. What is in few bits can't be
trained, so every weight is written out in fp32; nothing is lost, and nothing comes back that the
few bits had lost. Source of the format: ggml's own description; read by transformers.
"""

import io
import struct
from contextlib import redirect_stderr
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

from findtune.errors import UnsafeModelError

SUFFIX = ".gguf"


def native(folder: Path, into: Path) -> None:
    """Write the causal language model of a folder's only GGUF file to another folder.

    Raises UnsafeModelError when there is not one file, or it can't be read.
    """
    found = sorted(folder.glob(f"*{SUFFIX}"))
    if len(found) != 1:
        raise UnsafeModelError(f"{folder} holds {len(found)} GGUF files; name one under files.")
    # it would tell that the weights are unpacked, which is what we want
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        with redirect_stderr(io.StringIO()):  # a bar that is drawn where nobody looks, too
            packed, missing, tokenizer = read(folder, found[0].name)
    except (OSError, ValueError, KeyError, IndexError, RuntimeError, struct.error) as error:
        why = " ".join(str(error).split())
        raise UnsafeModelError(f"{found[0].name} can't be read as GGUF: {why}") from None
    finally:
        logging.set_verbosity_warning()  # type: ignore[no-untyped-call]
    if missing:  # they would be drawn at random
        raise UnsafeModelError(f"{found[0].name} lacks {', '.join(missing)}; fetch it again.")
    unpacked(packed).save_pretrained(into)
    tokenizer.save_pretrained(into)


def read(folder: Path, name: str) -> tuple[PreTrainedModel, list[str], PreTrainedTokenizerBase]:
    """Return the model in a GGUF file, the weights that it lacks, and the tokenizer."""
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, output_loading_info=True
    )
    model, told = loaded
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    return model, sorted(told["missing_keys"]), tokenizer


def unpacked(packed: PreTrainedModel) -> PreTrainedModel:
    """Return the same weights in a model that does not know of GGUF, so that it can be saved."""
    told = packed.config.to_dict()
    told.pop("quantization_config", None)
    config = type(packed.config).from_dict({**told, "_name_or_path": ""})
    model: PreTrainedModel = type(packed)(config)
    model.load_state_dict(packed.state_dict())
    model.generation_config = packed.generation_config
    return model

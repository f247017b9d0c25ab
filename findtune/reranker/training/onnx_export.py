"""Exporting a cross-encoder as one ONNX file, and checking it against the model.

The file holds only weights and standard operators: running it needs ONNX Runtime and the tokenizer,
but no code of this project. The same model gives the same bytes.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from findtune.core.errors import FindtuneError, InputError
from findtune.training.onnx_graph import OneOutput, trace

TOLERANCE = 1e-4  # the largest allowed difference between logits
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
PROBE_QUERY = "how many people are out of work?"
PROBE_TEXT = "The unemployment rate is the share of the labour force that is without work. "
PROBE_REPEATS = (0, 1, 4, 30)  # how often the text is repeated in each probe

Batch = Mapping[str, torch.Tensor]
Pair = tuple[str, str]


def export_onnx(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Path:
    """Write a model with one logit to onnx/model.onnx in a folder, and return the file's path.

    The file accepts any number of texts of any length. Raises InputError when the model does not
    have one logit, and FindtuneError when the file's logits would differ from the model's.
    """
    if model.config.num_labels != 1:
        raise InputError(f"the model has {model.config.num_labels} logits; a reranker has one.")
    network = OneOutput(copy.deepcopy(model), "logits").cpu().float().eval()
    batches = probe_batches(tokenizer, max_tokens(model, tokenizer))
    expected = model_logits(network, batches)
    graph = trace(network, batches[-1])
    content = graph.SerializeToString(deterministic=True)
    refuse_disagreement(content, batches, expected)
    path = folder / "onnx" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(".model.onnx.part")
    part.write_bytes(content)
    return part.replace(path)


def max_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the number of tokens that both the model and its tokenizer can take."""
    limit: int = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    return limit


def probe_batches(tokenizer: PreTrainedTokenizerBase, max_length: int) -> list[Batch]:
    """Return batches of pairs: each length alone, short with long, and all together."""
    pairs = [(PROBE_QUERY, PROBE_TEXT * times) for times in PROBE_REPEATS]
    groups = [*([pair] for pair in pairs), pairs[::3], pairs]
    return [tokenize(tokenizer, group, max_length) for group in groups]


def tokenize(tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], max_length: int) -> Batch:
    """Return the model's inputs for pairs, each (texts, tokens)."""
    queries, documents = (list(side) for side in zip(*pairs, strict=True))
    tokens = tokenizer(
        queries,
        documents,
        padding=True,
        truncation=True,
        max_length=max_length,
        return_tensors="pt",
    )
    return {name: tokens[name] for name in INPUTS if name in tokens}


def model_logits(network: OneOutput, batches: Sequence[Batch]) -> list[np.ndarray]:
    """Return a model's logits for each batch; raise FindtuneError if they are not finite."""
    logits = []
    for batch in batches:
        with torch.inference_mode():
            logits.append(network(**batch).numpy())
        if not np.isfinite(logits[-1]).all():
            raise FindtuneError(
                f"the model's logits are not finite for {describe(batch)}; train it again."
            )
    return logits


def refuse_disagreement(
    content: bytes, batches: Sequence[Batch], expected: Sequence[np.ndarray]
) -> None:
    """Raise FindtuneError unless ONNX Runtime gives the expected logits."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch, logits in zip(batches, expected, strict=True):
        inputs = {name: tensor.numpy() for name, tensor in batch.items()}
        (output,) = session.run(["logits"], inputs)
        error = float(np.abs(output - logits).max())
        if not error <= TOLERANCE:  # true for NaN as well
            raise FindtuneError(
                f"the ONNX file differs by {error:.2g} from the model's logits for "
                f"{describe(batch)}; {TOLERANCE:g} is allowed. No file was written."
            )


def describe(batch: Batch) -> str:
    """Return the size of a batch in words."""
    texts, length = batch["input_ids"].shape
    return f"{texts} texts of {length} tokens"

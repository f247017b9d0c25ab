"""Exporting a cross-encoder as one ONNX file, which is checked against the model.

The file holds only weights and standard operators: running it needs ONNX Runtime and the
tokenizer, and no code of this project. The same model gives the same bytes.
"""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from findtune.core.errors import FindtuneError, InputError

TOLERANCE = 1e-4  # the largest difference of a logit
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
PROBE_QUERY = "how many people are out of work?"
PROBE_TEXT = "The unemployment rate is the share of the labour force that is without work. "
PROBE_REPEATS = (0, 1, 4, 30)  # how often the text is repeated in each probe

Batch = Mapping[str, torch.Tensor]
Pair = tuple[str, str]


def export_onnx(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Path:
    """Write a model with one logit to onnx/model.onnx in a folder, and return the file's path.

    The file takes any number of texts of any length. Raises InputError when the model has more
    logits, and FindtuneError when the file would not give the model's logits.
    """
    if model.config.num_labels != 1:
        raise InputError(f"the model has {model.config.num_labels} logits; a reranker has one.")
    network = LogitsOnly(copy.deepcopy(model)).cpu().float().eval()
    batches = probe_batches(tokenizer, max_tokens(model, tokenizer))
    expected = model_logits(network, batches)
    graph = without_metadata(trace(network, batches[-1]))
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
    """Return batches of pairs: each length alone, short beside long, and all together."""
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


class LogitsOnly(torch.nn.Module):
    """A model with plain tensors as inputs and output, as the exporter needs them."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the logits, (texts, 1)."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        logits: torch.Tensor = self.model(input_ids, attention_mask=attention_mask, **types).logits
        return logits


def trace(network: LogitsOnly, batch: Batch) -> onnx.ModelProto:
    """Return the graph of a model, for any number of texts and tokens."""
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    with quiet_exporter():
        program = torch.onnx.export(
            network,
            tuple(batch.values()),
            input_names=list(batch),
            output_names=["logits"],
            dynamic_shapes=dict.fromkeys(batch, axes),
            verbose=False,
        )
    assert program is not None
    graph: onnx.ModelProto = program.model_proto
    return graph


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Suppress the exporter's warnings; it still raises its errors."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)


def without_metadata(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph without the exporter's notes, which name source lines and folders."""
    graph = model.graph
    parts: list[Any] = [model, graph, *graph.node, *graph.initializer]
    for part in (*parts, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def model_logits(network: LogitsOnly, batches: Sequence[Batch]) -> list[np.ndarray]:
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

"""A cross-encoder as one ONNX file, checked against the model it was made of.

The file holds weights and plain operators only: whoever runs it needs ONNX Runtime and the
tokenizer, and nothing of ours. The same model gives the same bytes.
"""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from findtune.errors import FindtuneError, InputError

TOLERANCE = 1e-4  # by which a logit may differ
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
QUERY = "how many people are out of work?"
SOURCE = "The unemployment rate is the share of the labour force that is without work. "
REPEATS = (0, 1, 4, 30)  # times that SOURCE stands in a probe
Batch = Mapping[str, torch.Tensor]


def export(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Path:
    """Write onnx/model.onnx of a model with one logit to a folder, and return where it is.

    Any number of texts of any length may be given to it. Raises InputError when the model has
    more logits, and FindtuneError when the file would not give what the model does.
    """
    if model.config.num_labels != 1:
        raise InputError(f"the model has {model.config.num_labels} logits; a reranker has one.")
    still = Logits(copy.deepcopy(model)).cpu().float().eval()
    batches = probes(tokenizer, longest(model, tokenizer))
    wanted = answers(still, batches)
    content = plain(traced(still, batches[-1])).SerializeToString(deterministic=True)
    refuse_disagreement(content, batches, wanted)
    path = folder / "onnx" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(".model.onnx.part")
    part.write_bytes(content)
    return part.replace(path)


def longest(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the most tokens that both the model and its tokenizer take."""
    most: int = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    return most


def probes(tokenizer: PreTrainedTokenizerBase, most: int) -> list[Batch]:
    """Return batches of pairs: each length alone, then short beside long, then all of them."""
    pairs = [(QUERY, SOURCE * times) for times in REPEATS]
    groups = [*([pair] for pair in pairs), pairs[::3], pairs]
    return [tokens(tokenizer, group, most) for group in groups]


def tokens(
    tokenizer: PreTrainedTokenizerBase, pairs: list[tuple[str, str]], most: int
) -> dict[str, torch.Tensor]:
    """Return what the model is given for pairs, each input (texts, tokens)."""
    queries, sources = (list(side) for side in zip(*pairs, strict=True))
    found = tokenizer(
        queries, sources, padding=True, truncation=True, max_length=most, return_tensors="pt"
    )
    return {name: found[name] for name in INPUTS if name in found}


class Logits(torch.nn.Module):
    """A model that takes and gives plain tensors, as the exporter wants them."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        logits: torch.Tensor = self.model(input_ids, attention_mask=attention_mask, **types).logits
        return logits


def traced(model: Logits, batch: Batch) -> onnx.ModelProto:
    """Return the graph of a model, for any number of texts and tokens."""
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    with quiet():
        program = torch.onnx.export(
            model,
            tuple(batch.values()),
            input_names=list(batch),
            output_names=["logits"],
            dynamic_shapes=dict.fromkeys(batch, axes),
            verbose=False,
        )
    assert program is not None
    found: onnx.ModelProto = program.model_proto
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's own notes away; what goes wrong it raises."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(level)


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph without the exporter's notes, which tell of source lines and folders."""
    graph = model.graph
    noted: list[Any] = [model, graph, *graph.node, *graph.initializer]
    for one in (*noted, *graph.input, *graph.output, *graph.value_info):
        del one.metadata_props[:]
        one.doc_string = ""
    return model


def answers(model: Logits, batches: list[Batch]) -> list[np.ndarray]:
    """Return a model's logits for each batch; raise FindtuneError where they are no numbers."""
    found = []
    for batch in batches:
        with torch.inference_mode():
            found.append(model(**batch).numpy())
        if not np.isfinite(found[-1]).all():
            raise FindtuneError(f"the model's logits are not finite for {told(batch)}.")
    return found


def refuse_disagreement(content: bytes, batches: list[Batch], wanted: list[np.ndarray]) -> None:
    """Raise FindtuneError unless ONNX Runtime gives the wanted logits."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch, logits in zip(batches, wanted, strict=True):
        (found,) = session.run(["logits"], {name: it.numpy() for name, it in batch.items()})
        apart = float(np.abs(found - logits).max())
        if not apart <= TOLERANCE:  # neither does a NaN agree
            raise FindtuneError(
                f"the ONNX file is {apart:.2g} off the model's logits for {told(batch)}; "
                f"{TOLERANCE:g} would do. No file was written."
            )


def told(batch: Batch) -> str:
    texts, length = batch["input_ids"].shape
    return f"{texts} texts of {length} tokens"

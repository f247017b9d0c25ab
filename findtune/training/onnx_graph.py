"""ONNX graphs of transformers networks: from torch's exporter, without its metadata."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import onnx
import torch


class OneOutput(torch.nn.Module):
    """A network with plain tensors as inputs and output, as the exporter requires."""

    def __init__(self, network: torch.nn.Module, output: str) -> None:
        super().__init__()
        self.network = network
        self.output = output

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the network's output of the chosen name."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        outputs = self.network(input_ids=input_ids, attention_mask=attention_mask, **types)
        output: torch.Tensor = outputs[self.output]
        return output


def trace(network: OneOutput, batch: Mapping[str, torch.Tensor]) -> onnx.ModelProto:
    """Return the graph of a network, for any number of texts and tokens.

    batch: name -> tensor of its inputs, in the order of `OneOutput.forward`.
    """
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    with quiet_exporter():
        program = torch.onnx.export(
            network,
            tuple(tensor.cpu() for tensor in batch.values()),
            input_names=list(batch),
            output_names=[network.output],
            dynamic_shapes=dict.fromkeys(batch, axes),
            verbose=False,
        )
    assert program is not None
    return without_metadata(program.model_proto)


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
    """Return a graph without the exporter's metadata, which names source lines and folders."""
    graph = model.graph
    parts: list[Any] = [model, graph, *graph.node, *graph.initializer]
    for part in (*parts, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    return model

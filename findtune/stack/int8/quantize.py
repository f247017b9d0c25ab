"""Writing the network of a model as an ONNX file with weights of 8 bits.

torch exports the network, and ONNX Runtime quantizes it dynamically: weights to int8, one scale for
each output channel; activations to uint8, while it runs, so that no calibration data are needed.

optimum would do both, but its releases need an older transformers than this project has.
"""

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]

from findtune.core.errors import InputError
from findtune.reranker.training.onnx_export import quiet_exporter, without_metadata
from findtune.stack.int8.network import INPUTS, TEXT_OUTPUT, TOKEN_OUTPUT, Model

EXAMPLES = ("how many people are out of work?", "The share of the labour force without work.")


class OneOutput(torch.nn.Module):
    """A network with plain tensors as inputs and output, as the exporter needs them."""

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
        """Return the output with the network's name for it."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        outputs = self.network(input_ids=input_ids, attention_mask=attention_mask, **types)
        output: torch.Tensor = outputs[self.output]
        return output


def write_int8(model: Model, path: Path) -> None:
    """Write the network of a sentence encoder or a cross-encoder to an ONNX file.

    Raises InputError for a model that reads no text by a network of transformers.
    """
    transformer: Any = model[0]
    network = getattr(transformer, "model", None)
    if network is None:
        raise InputError(f"{type(transformer).__name__} is no network that can be exported.")
    output = transformer.modality_config["text"]["method_output_name"]
    if output not in (TEXT_OUTPUT, TOKEN_OUTPUT):
        raise InputError(f"{output} of {type(network).__name__} is no output that can be exported.")
    tokens = transformer.preprocess([*EXAMPLES])
    batch = {name: tokens[name] for name in INPUTS if name in tokens}
    graph = trace(OneOutput(copy.deepcopy(network).cpu().float().eval(), output), batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet_quantizer():
        quantize_dynamic(graph, path, per_channel=True, weight_type=QuantType.QInt8)


def trace(network: OneOutput, batch: Mapping[str, torch.Tensor]) -> onnx.ModelProto:
    """Return the graph of a network, for any number of texts and tokens."""
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
    graph = without_metadata(program.model_proto)
    del graph.graph.value_info[:]  # some shapes are from before weights were transposed
    return graph


@contextmanager
def quiet_quantizer() -> Iterator[None]:
    """Suppress the advice of the quantizer to preprocess, which is for images.

    Without a handler, its call would set up logging for the whole process.
    """
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)

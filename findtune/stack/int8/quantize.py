"""Writes the network of a model as an ONNX file with int8 weights.

torch exports the network, and ONNX Runtime quantizes it dynamically: weights to 7 of their 8 bits,
with one scale per output channel; activations to uint8 at run time, so no calibration data are
needed.

optimum would do both, but its releases need an older transformers than this project uses.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]

from findtune.core.errors import InputError
from findtune.stack.int8.network import INPUTS, TEXT_OUTPUT, TOKEN_OUTPUT, Model
from findtune.training.onnx_graph import OneOutput, trace

EXAMPLES = ("how many people are out of work?", "The share of the labour force without work.")


def write_int8(model: Model, path: Path) -> None:
    """Write the network of a sentence encoder or a cross-encoder to an ONNX file.

    Raises InputError for a model whose first module is not a transformers network with a known
    output.
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
    del graph.graph.value_info[:]  # some shapes predate the transposition of weights
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet_quantizer():
        # Processors without VNNI sum two 8-bit products in 16 bits, and saturate on overflow.
        # With 7-bit weights (reduce_range) no sum overflows.
        quantize_dynamic(
            graph, path, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )


@contextmanager
def quiet_quantizer() -> Iterator[None]:
    """Suppress the quantizer's advice to preprocess the model, which is meant for image models.

    Without a handler, its logging call would configure logging for the whole process.
    """
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)

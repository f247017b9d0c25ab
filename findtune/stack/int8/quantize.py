"""Writing the network of a model as an ONNX file with weights of 8 bits.

torch exports the network, and ONNX Runtime quantizes it dynamically: weights to 7 of 8 bits, one
scale for each output channel; activations to uint8, while it runs, so that no calibration data are
needed.

optimum would do both, but its releases need an older transformers than this project has.
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
    del graph.graph.value_info[:]  # some shapes are from before weights were transposed
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet_quantizer():
        # Processors without VNNI add two products of 8 bits in 16, and cut what does not fit: with
        # weights of 7 bits, which is what reduce_range means, all sums fit.
        quantize_dynamic(
            graph, path, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
        )


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

"""Runs the network of a sentence-transformers model with ONNX Runtime instead of torch.

The model keeps its tokenizer, its pooling and its other modules; only the network is replaced.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from transformers import PretrainedConfig

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
TOKEN_OUTPUT, TEXT_OUTPUT = "last_hidden_state", "logits"

Array = np.ndarray
Model = SentenceTransformer | CrossEncoder


class OnnxNetwork(torch.nn.Module):
    """A network in an ONNX file, with the call signature of a transformers model.

    Each text runs alone, without padding, on one thread. So a text gets the same numbers in every
    batch; texts that run together would share one scale of the int8 activations. Several texts run
    in parallel, on as many threads as torch uses.
    """

    def __init__(self, path: Path, config: PretrainedConfig) -> None:
        super().__init__()
        self.config = config
        self.path = path
        self.session = open_session(path)
        self.inputs = [entry.name for entry in self.session.get_inputs()]
        self.output: str = self.session.get_outputs()[0].name
        self.executor = ThreadPoolExecutor(torch.get_num_threads())

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **others: Any
    ) -> dict[str, torch.Tensor]:
        """Return vectors of tokens, (texts, tokens, dimensions), or logits, (texts, 1).

        The only key is the name of the output. The vectors of padding are 0.
        """
        mask = attention_mask.cpu().numpy().astype(bool)
        values = {"input_ids": input_ids, "attention_mask": attention_mask, **others}
        arrays = {name: values[name].cpu().numpy() for name in self.inputs}
        rows = [
            {name: array[row][mask[row]][None] for name, array in arrays.items()}
            for row in range(len(mask))
        ]
        spread: Callable[..., Any] = self.executor.map if len(rows) > 1 else map
        outputs = [output[0] for output in spread(self.run_text, rows)]
        result = np.stack(outputs) if self.output == TEXT_OUTPUT else padded(outputs, mask)
        return {self.output: torch.from_numpy(result).to(input_ids.device)}

    def run_text(self, inputs: dict[str, Array]) -> Array:
        """Return the output for one text: (1, tokens, dimensions) or (1, 1)."""
        output: Array = self.session.run([self.output], inputs)[0]
        return output


def open_session(path: Path) -> Any:
    """Return ONNX Runtime's session of a file, which runs on the calling thread alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )


def padded(vectors: list[Array], mask: Array) -> Array:
    """Return the texts' vectors padded with 0, (texts, tokens, dimensions), fp32.

    vectors: (tokens, dimensions) of each text; mask: (texts, tokens), true for tokens.
    """
    result = np.zeros((*mask.shape, vectors[0].shape[-1]), dtype=np.float32)
    for row, tokens in enumerate(vectors):
        result[row][mask[row]] = tokens
    return result


def run_on(model: Model, path: Path) -> None:
    """Make a model run on the network in an ONNX file; its own weights are dropped."""
    transformer: Any = model[0]
    transformer.model = OnnxNetwork(path, transformer.model.config)

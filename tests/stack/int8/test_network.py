"""An int8 copy gives nearly the vectors and logits of its model, whatever runs beside a text."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from findtune.stack.parts import Parts

TEXTS = ["price of bread", "people who are out of work", "rice that is harvested in a year", ""]


def test_the_vectors_of_a_copy_are_close_to_those_of_its_model(
    tiny_base: Path, encoder_copy: Path
) -> None:
    from findtune.retrieval.encoder import load_encoder
    from findtune.stack.int8.network import run_on

    encoder = load_encoder(tiny_base)
    vectors = encoder.encode(TEXTS, normalize_embeddings=True)
    run_on(encoder, encoder_copy)
    copied = encoder.encode(TEXTS, normalize_embeddings=True)
    assert np.abs(copied - vectors).max() > 0
    assert (copied * vectors).sum(axis=1).min() > 0.98
    assert encoder.get_embedding_dimension() == vectors.shape[1]


def test_the_vector_of_a_text_does_not_depend_on_the_texts_beside_it(
    tiny_base: Path, encoder_copy: Path
) -> None:
    from findtune.retrieval.encoder import load_encoder
    from findtune.stack.int8.network import run_on

    encoder = load_encoder(tiny_base)
    run_on(encoder, encoder_copy)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.array_equal(encoder.encode(TEXTS), alone)


def test_the_logits_of_a_copy_are_close_to_those_of_its_cross_encoder(
    parts: "Parts", cross_encoder_copy: Path
) -> None:
    from findtune.reranker.model.cross_encoder import load
    from findtune.stack.int8.network import run_on

    pairs = [("bread", text) for text in TEXTS]
    model = load(parts.tuned["reranker"], 40)
    logits = model.predict(pairs, apply_softmax=False)
    run_on(model, cross_encoder_copy)
    copied = model.predict(pairs, apply_softmax=False)
    assert np.abs(copied - logits).max() > 0
    assert np.abs(copied - logits).max() < 0.05


def test_weights_have_seven_bits_so_that_no_sum_of_two_products_overflows(
    encoder_copy: Path,
) -> None:
    import onnx
    from onnx import numpy_helper

    weights = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(encoder_copy).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and tensor.dims
    ]
    assert weights
    assert max(np.abs(array.astype(int)).max() for array in weights) == 64

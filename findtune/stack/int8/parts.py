"""The networks of each room that get int8 copies, and the models that run on them."""

from collections.abc import Mapping
from pathlib import Path

from sentence_transformers import SentenceTransformer

from findtune.reranker.model.blending import read_weights
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.model.reranker import load as load_reranker
from findtune.retrieval.encoder import load_encoder
from findtune.stack.int8.exports import Exports
from findtune.stack.int8.network import Model, run_on

EMBEDDER, RERANKER = "embedder", "reranker"  # the rooms whose models get copies


def embedder_folders(base: Path, tuned: Path) -> dict[str, Path]:
    """Return name of a copy -> folder, for both embedders, since a stack may ship either."""
    return {"tuned": tuned, "base": base}


def reranker_folders(folder: Path) -> dict[str, Path]:
    """Return name of a copy -> folder, for the networks of a reranker."""
    folders = {name: folder / name for name in ("retriever", "base_retriever")}
    if read_weights(folder / "weights.json").cross_encoder:
        folders["cross_encoder"] = folder
    return folders


def reranker_models(reranker: Reranker) -> dict[str, Model]:
    """Return name of a copy -> model, for the networks of a loaded reranker."""
    return {
        "retriever": reranker.retriever,
        "base_retriever": reranker.base_retriever,
        "cross_encoder": reranker.cross_encoder,
    }


def run_reranker(reranker: Reranker, folder: Path, paths: Mapping[str, Path]) -> Reranker:
    """Make a reranker run on copies, and return it.

    folder: where it was loaded from; paths: name of a copy -> ONNX file.
    """
    models = reranker_models(reranker)
    for name in reranker_folders(folder):
        run_on(models[name], paths[name])
    return reranker


def load_int8_encoder(folder: Path, exports: Exports) -> SentenceTransformer:
    """Return the sentence encoder in a folder, on its int8 copy.

    Raises InputError when it has no copy, or when the copy was damaged.
    """
    path = exports.copy_of(folder)
    encoder = load_encoder(folder)
    run_on(encoder, path)
    return encoder


def load_int8_reranker(folder: Path, exports: Exports) -> Reranker:
    """Return the reranker in a folder, on its int8 copies; raises as `load_int8_encoder`."""
    paths = {name: exports.copy_of(source) for name, source in reranker_folders(folder).items()}
    return run_reranker(load_reranker(folder), folder, paths)

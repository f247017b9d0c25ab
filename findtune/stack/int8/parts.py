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
    """Return the folders of both embedders, by the names of their copies; a stack ships either."""
    return {"tuned": tuned, "base": base}


def reranker_folders(folder: Path) -> dict[str, Path]:
    """Return the folders of a reranker's networks, by the names of their copies."""
    folders = {name: folder / name for name in ("retriever", "base_retriever")}
    if read_weights(folder / "weights.json").cross_encoder:
        folders["cross_encoder"] = folder
    return folders


def reranker_models(reranker: Reranker) -> dict[str, Model]:
    """Return the networks of a reranker that is loaded, by the names of their copies."""
    return {
        "retriever": reranker.retriever,
        "base_retriever": reranker.base_retriever,
        "cross_encoder": reranker.cross_encoder,
    }


def run_reranker(reranker: Reranker, folder: Path, paths: Mapping[str, Path]) -> Reranker:
    """Make a reranker compute with copies, and return it; paths: name -> ONNX file.

    folder: where it was loaded from.
    """
    models = reranker_models(reranker)
    for name in reranker_folders(folder):
        run_on(models[name], paths[name])
    return reranker


def load_int8_encoder(folder: Path, exports: Exports) -> SentenceTransformer:
    """Return the sentence encoder in a folder, which computes with its int8 copy.

    Raises InputError when there is no copy of it, or when the copy was damaged.
    """
    path = exports.copy_of(folder)
    encoder = load_encoder(folder)
    run_on(encoder, path)
    return encoder


def load_int8_reranker(folder: Path, exports: Exports) -> Reranker:
    """Return the reranker in a folder, which computes with its int8 copies; raises as above."""
    paths = {name: exports.copy_of(source) for name, source in reranker_folders(folder).items()}
    return run_reranker(load_reranker(folder), folder, paths)

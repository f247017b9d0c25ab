"""Loads a stack whose embedder and reranker run on int8 copies; its rewriter does not."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from findtune.core.files import sha256
from findtune.stack.artifact import load
from findtune.stack.index import Encoder
from findtune.stack.int8.exports import Exports, read_exports
from findtune.stack.int8.network import OnnxNetwork, run_on
from findtune.stack.int8.parts import reranker_folders
from findtune.stack.model_files import content_hash
from findtune.stack.pipeline import Stack
from findtune.stack.scorers import CosineScorer, CrossEncoderScorer, RerankerScorer, Scorer

ENCODER_COPIES = {"reranker": "retriever", "reranker_base": "base_retriever"}

Copies = Mapping[str, Path]  # name of an encoder, or cross_encoder -> ONNX file


def load_on_exports(folder: Path | str, exports: Path | str) -> Stack:
    """Return the stack in a folder, with its embedder and reranker on int8 copies.

    exports: a folder with copies, such as models/export. Raises InputError as
    `findtune.stack.artifact.load` does, and when the copy of a network is missing or damaged.
    """
    folder, stack = Path(folder), load(folder)
    copies = copies_of(stack, folder, read_exports(exports))
    for name, encoder in stack.encoders.items():
        run_on(encoder.cache.encoder, copies[name])
    if stack.scorer:
        run_cross_encoder(stack.scorer, copies)
    encoders = {name: renamed(encoder, copies[name]) for name, encoder in stack.encoders.items()}
    return replace(stack, encoders=encoders)


def copies_of(stack: Stack, folder: Path, exports: Exports) -> Copies:
    """Return the copy of each network that a stack runs."""
    copies = {}
    if "embedder" in stack.encoders:
        copies["embedder"] = exports.copy_of(folder / "embedder")
    for name, source in scorer_folders(stack.scorer, folder / "reranker").items():
        copies[name] = exports.copy_of(source)
    return copies


def scorer_folders(scorer: Scorer | None, folder: Path) -> dict[str, Path]:
    """Return the folder of each network of a stack's reranker."""
    if isinstance(scorer, RerankerScorer):
        sources = reranker_folders(folder)
        names = {copy: name for name, copy in ENCODER_COPIES.items()}
        return {names.get(copy, copy): source for copy, source in sources.items()}
    if isinstance(scorer, CrossEncoderScorer):
        return {"cross_encoder": folder}
    return {"reranker": folder} if isinstance(scorer, CosineScorer) else {}


def run_cross_encoder(scorer: Scorer, copies: Copies) -> None:
    """Make the cross-encoder of a reranker run on its copy, if it is used."""
    if "cross_encoder" in copies and isinstance(scorer, (RerankerScorer, CrossEncoderScorer)):
        run_on(scorer.logits.model, copies["cross_encoder"])


def renamed(encoder: Encoder, copy: Path) -> Encoder:
    """Return an encoder with the content hash of its copy, since the copy's vectors differ."""
    return replace(encoder, content_hash=copy_hash(encoder.content_hash, copy))


def copy_hash(model_hash: str, *copies: Path) -> str:
    """Return the content hash of a model that runs on copies."""
    return content_hash({"model": model_hash, **{path.stem: sha256(path) for path in copies}})


def version(stack: Stack, folder: Path) -> str:
    """Return the content hash of a stack from a folder; it also depends on its int8 copies."""
    models = [encoder.cache.encoder for encoder in stack.encoders.values()]
    return hash_with_copies(sha256(folder / "stack.json"), [*models, *networks_of(stack.scorer)])


def networks_of(scorer: Scorer | None) -> list[Any]:
    """Return the models that a reranker uses."""
    models: list[Any] = (
        [cache.encoder for cache in scorer.vector_caches().values()] if scorer else []
    )
    if isinstance(scorer, (RerankerScorer, CrossEncoderScorer)):
        models.append(scorer.logits.model)
    return models


def hash_with_copies(digest: str, models: Iterable[Any]) -> str:
    """Return the content hash of some models; digest: the hash of their own files.

    If no model runs on a copy, the result is the digest.
    """
    networks = [getattr(model[0], "model", None) for model in models]
    copies = {network.path for network in networks if isinstance(network, OnnxNetwork)}
    return copy_hash(digest, *copies) if copies else digest

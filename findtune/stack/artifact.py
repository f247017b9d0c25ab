"""Saves the cell that ships with its models, and loads it.

FOLDER/
    stack.json    the cell, its settings, and the SHA-256 of every file below
    rewriter/     only if the cell searches rewrites
    embedder/     only if the cell searches by vectors
    reranker/     only if the cell reranks
    SHA256SUMS    the manifest
"""

import shutil
from pathlib import Path
from typing import Any

import torch

from findtune.core.errors import InputError
from findtune.core.files import atomic_folder, read_json, write_json
from findtune.core.manifest import write_manifest
from findtune.core.records import Record
from findtune.reranker.model.cross_encoder import has_head
from findtune.reranker.model.cross_encoder import load as load_cross_encoder
from findtune.reranker.model.reranker import load as load_reranker
from findtune.retrieval.encoder import load_encoder
from findtune.rewriter.model.lexicon import FILES, read_lexicon
from findtune.rewriter.model.rewriter import load_as_rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.stack.caches import LogitCache, VectorCache
from findtune.stack.cells import Cell
from findtune.stack.index import Encoder, Encoders
from findtune.stack.model_files import content_hash, copy_model, hash_files, refuse_changed
from findtune.stack.parts import Parts, rewriter_dtype
from findtune.stack.pipeline import Stack
from findtune.stack.query_writer import QueryWriter
from findtune.stack.scorers import CosineScorer, CrossEncoderScorer, RerankerScorer, Scorer

REMEDY = "get the folder again with `make pull`, or make it with `make train`"


def save(cell: Cell, parts: Parts, folder: Path, *, rerank_depth: int, seed: int) -> None:
    """Write a cell's settings and copies of its models to a folder."""
    with atomic_folder(folder) as part:
        settings: Record = {
            "cell": cell._asdict(),
            "rerank_depth": rerank_depth,
            "scorer": copy_reranker(cell, parts, part / "reranker"),
            "seed": seed,
            "writer": parts.writer(cell.queries).settings.model_dump(),
            **copy_rewriter(cell, parts, part / "rewriter"),
        }
        if cell.encoder:
            embedders = parts.tuned if cell.encoder == "tuned" else parts.bases
            copy_model(embedders["embedder"], part / "embedder")
        files = hash_files(part, (path for path in sorted(part.rglob("*")) if path.is_file()))
        write_json(part / "stack.json", {**settings, "files": files})
        write_manifest(part)


def copy_rewriter(cell: Cell, parts: Parts, target: Path) -> Record:
    """Copy the rewriter of a cell, if it has one; return its precision."""
    if parts.writer(cell.queries).rewriter is None:
        return {"dtype": None}
    tuned = parts.tuned["rewriter"]
    copy_model(tuned if cell.queries == "tuned" else parts.bases["rewriter"], target)
    for name in FILES.values():  # the base has no lexicon of its own
        if not (target / name).exists():
            shutil.copyfile(tuned / name, target / name)
    return {"dtype": f"{rewriter_dtype(tuned)}".removeprefix("torch.")}


def copy_reranker(cell: Cell, parts: Parts, target: Path) -> Record:
    """Copy the reranker of a cell, if it has one; return its kind and its maximum tokens."""
    if cell.reranker == "none":
        return {"kind": "none"}
    if cell.reranker == "tuned":
        copy_model(parts.tuned["reranker"], target)
        return {"kind": "reranker"}
    if has_head(parts.bases["reranker"]):
        copy_model(parts.bases["reranker"], target)
        return {"kind": "cross_encoder", "max_length": parts.max_length}
    copy_model(parts.bases["embedder"], target)
    return {"kind": "cosine"}


def load(folder: Path | str) -> Stack:
    """Return the stack in a folder.

    Raises InputError when a file is missing or has changed since it was written, and
    UnsafeModelError when a model's folder holds a pickle, code or a broken file.
    """
    folder = Path(folder)
    if not (folder / "stack.json").is_file():
        raise InputError(f"there is no {folder}/stack.json; {REMEDY}.")
    settings = read_json(folder / "stack.json")
    refuse_changed(folder, settings["files"], REMEDY)
    cell = Cell(**settings["cell"])
    scorer = load_scorer(folder / "reranker", settings["scorer"])
    return Stack(
        cell=cell,
        writer=load_writer(folder / "rewriter", settings),
        scorer=scorer,
        encoders=load_encoders(folder, cell, scorer, settings["files"]),
        rerank_depth=settings["rerank_depth"],
        seed=settings["seed"],
    )


def load_writer(folder: Path, settings: Record) -> QueryWriter:
    """Return the query writer of a stack."""
    writer = RewriterSettings(**settings["writer"])
    if settings["dtype"] is None:
        return QueryWriter(writer)
    dtype: torch.dtype = getattr(torch, settings["dtype"])
    return QueryWriter(writer, load_as_rewriter(folder, writer, read_lexicon(folder), dtype))


def load_scorer(folder: Path, settings: Record) -> Scorer | None:
    """Return the reranker of a stack, if it has one."""
    if settings["kind"] == "reranker":
        reranker = load_reranker(folder).for_search()
        return RerankerScorer.of(reranker, VectorCache(reranker.base_retriever))
    if settings["kind"] == "cross_encoder":
        return CrossEncoderScorer(LogitCache(load_cross_encoder(folder, settings["max_length"])))
    if settings["kind"] == "cosine":
        return CosineScorer(VectorCache(load_encoder(folder)))
    return None


def load_encoders(folder: Path, cell: Cell, scorer: Scorer | None, files: Any) -> Encoders:
    """Return the encoders with which a stack reads documents; files: path -> SHA-256."""
    encoders = {}
    if cell.encoder:
        cache = VectorCache(load_encoder(folder / "embedder"))
        encoders["embedder"] = Encoder(cache, hash_below(files, "embedder/"))
    for name, cache in (scorer.vector_caches() if scorer else {}).items():
        with_titles = name == "reranker" and cell.reranker == "tuned"
        encoders[name] = Encoder(cache, hash_below(files, "reranker/"), with_titles)
    return encoders


def hash_below(files: dict[str, str], prefix: str) -> str:
    """Return the content hash of the files whose path begins with a prefix."""
    return content_hash({path: digest for path, digest in files.items() if path.startswith(prefix)})

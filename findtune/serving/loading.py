"""Loading what is served from the folders that the stages write."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.core.files import read_json, sha256
from findtune.core.manifest import is_model
from findtune.reranker.model.reranker import load as load_reranker
from findtune.retrieval.encoder import load_encoder
from findtune.rewriter.model.rewriter import load as load_rewriter
from findtune.serving.parts import ServedEmbedder, ServedReranker, ServedRewriter, ServedSearch
from findtune.serving.served import ServedModels
from findtune.stack import load as load_stack
from findtune.stack.artifact import hash_below
from findtune.stack.caches import VectorCache
from findtune.stack.int8.exports import read_exports
from findtune.stack.int8.loading import hash_with_copies, networks_of, version
from findtune.stack.int8.parts import load_int8_encoder, load_int8_reranker
from findtune.stack.model_files import content_hash, hash_files, needed_files
from findtune.stack.pipeline import Stack
from findtune.stack.scorers import RerankerScorer

SEED = 0  # of rewrites, if no stack sets one
INDEXES = Path(".scratch")  # where `make search` keeps them, too

Parts = dict[str, dict[str, Any]]  # room -> name -> part


def load_served(
    models: Path,
    size: str,
    corpus: Path | None,
    names: Sequence[str] = (),
    exports: Path | None = None,
) -> ServedModels:
    """Return what a server of one size offers.

    names: the folders to load: stack, embedder, reranker, rewriter. By default the stack, if there
    is one, and the other models that exist and that it does not ship. exports: a folder with int8
    copies, which embedders and rerankers then use. Raises InputError if a named folder or a copy is
    missing, or if there is nothing to serve.
    """
    refuse_missing(models, size, names)
    parts: Parts = {"embedder": {}, "reranker": {}, "rewriter": {}, "search": {}}
    if "stack" in names or (not names and (models / "stack" / size).exists()):
        add_stack(parts, models / "stack" / size, f"stack/{size}", corpus, exports)
    for room, add in ADD.items():
        folder = models / room / size
        if room in names or (not names and not parts[room] and is_model(folder)):
            parts[room][f"{room}/{size}"] = add(folder, exports)
    if not any(parts.values()):
        raise InputError(f"{models} has no model of {size}; `make train SIZE={size}` makes them.")
    return ServedModels(
        embedders=parts["embedder"],
        rerankers=parts["reranker"],
        rewriters=parts["rewriter"],
        searches=parts["search"],
    )


def with_rival(served: ServedModels, models: Path, size: str, corpus: Path | None) -> ServedModels:
    """Return what is served, with the search of the stack in another folder as its rival.

    Raises InputError if there is no search, or if both stacks are the same.
    """
    if corpus is None:
        raise InputError("there is no corpus to search; name one: make serve CORPUS=FILE")
    if not served.searches:
        raise InputError("no stack is served to compare with; leave AGAINST out.")
    folder = models / "stack" / size
    digest = sha256(folder / "stack.json")
    if digest in {search.content_hash for search in served.searches.values()}:
        raise InputError(
            f"{folder} is the stack that is served, byte for byte, so there is nothing to "
            "compare; leave AGAINST out, or train another stack."
        )
    return replace(served, rival=search_of(load_stack(folder), digest, corpus))


def refuse_missing(models: Path, size: str, names: Sequence[str]) -> None:
    """Raise InputError for a named folder that does not exist."""
    for name in names:
        if not is_model(models / name / size):
            raise InputError(
                f"there is no model {models / name / size}; `make train SIZE={size}` makes it, if "
                "`models` in params.yaml names it."
            )


def add_stack(
    parts: Parts, folder: Path, name: str, corpus: Path | None, exports: Path | None = None
) -> None:
    """Load a stack and add what it ships: its models, and its search of a corpus."""
    stack = load_stack(folder, exports)
    files = read_json(folder / "stack.json")["files"]
    if "embedder" in stack.encoders:
        encoder = stack.encoders["embedder"]
        parts["embedder"][name] = ServedEmbedder(encoder.content_hash, encoder.cache.encoder)
    if stack.scorer:
        digest = hash_with_copies(hash_below(files, "reranker/"), networks_of(stack.scorer))
        parts["reranker"][name] = ServedReranker(digest, stack.scorer)
    if stack.writer.rewriter:
        digest = hash_below(files, "rewriter/")
        parts["rewriter"][name] = ServedRewriter(digest, stack.writer.rewriter, stack.seed)
    if corpus is not None:
        parts["search"][name] = search_of(stack, version(stack, folder), corpus)


def search_of(stack: Stack, digest: str, corpus: Path) -> ServedSearch:
    """Return the search of a corpus; its index is kept on disk. digest: the stack's hash."""
    if not corpus.is_file():
        raise InputError(f"there is no file {corpus}; name one: make serve CORPUS=FILE")
    folder = INDEXES / f"index-{digest[:12]}-{sha256(corpus)[:12]}"
    return ServedSearch(digest, stack, stack.index(corpus, folder))


def embedder(folder: Path, exports: Path | None) -> ServedEmbedder:
    """Return the embedder in a folder. exports: the folder of int8 copies; None for fp32."""
    if exports is None:
        return ServedEmbedder(hash_of(folder), load_encoder(folder))
    encoder = load_int8_encoder(folder, read_exports(exports))
    return ServedEmbedder(hash_with_copies(hash_of(folder), [encoder]), encoder)


def reranker(folder: Path, exports: Path | None) -> ServedReranker:
    """Return the reranker in a folder. exports: as in `embedder`."""
    if exports is None:
        model = load_reranker(folder)
    else:
        model = load_int8_reranker(folder, read_exports(exports))
    scorer = RerankerScorer.of(model, VectorCache(model.base_retriever))
    return ServedReranker(hash_with_copies(hash_of(folder), networks_of(scorer)), scorer)


def rewriter(folder: Path, _: Path | None) -> ServedRewriter:
    """Return the rewriter in a folder; it has no int8 copy."""
    return ServedRewriter(hash_of(folder), load_rewriter(folder), SEED)


ADD: dict[str, Callable[[Path, Path | None], Any]] = {
    "embedder": embedder,
    "reranker": reranker,
    "rewriter": rewriter,
}


def hash_of(folder: Path) -> str:
    """Return the content hash of a model's folder."""
    return content_hash(hash_files(folder, needed_files(folder)))

"""Nearest neighbours among the vectors of a corpus: exact if it is small, otherwise approximate.

Up to MAX_EXACT vectors, each query is compared with all of them. Beyond, an inverted file (IVF)
with 8 bits per dimension finds candidates, whose stored vectors are compared with the query. An
inverted file can only be used with the vectors from which it was built. Sources: Jegou et al. 2011
(IVF), Douze et al. 2024 (faiss).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from findtune.core.errors import InputError

MAX_EXACT = 200_000  # vectors; comparing a query with more takes too long
LISTS_PER_ROOT = 1  # lists of the inverted file, times the root of the number of vectors
SEARCHED_SHARE = 0.25  # of the lists; vectors of texts are less clustered than most
CANDIDATES = 4  # per neighbour to return
TRAINING_VECTORS = 50  # per list, for k-means
SEED = 13
BATCH = 20_000  # vectors in memory at once while the inverted file is filled

Array = np.ndarray


def best_positions(scores: Array, k: int) -> Array:
    """Return the positions of the k highest scores, best first; of equal ones, the first.

    scores: (n,). The result equals that of a stable sort, but not all scores are sorted. Raises
    InputError for NaN, which can't be ordered.
    """
    if wrong := int(np.isnan(scores).sum()):
        raise InputError(
            f"{wrong:,} of {len(scores):,} scores are no number (NaN), so the model's weights are "
            "damaged; train the model again, or fetch its folder again."
        )
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= least)
        return kept[np.argsort(-scores[kept], kind="stable")[:k]]
    return np.argsort(-scores, kind="stable")


@dataclass(frozen=True)
class ExactNeighbours:
    """Compares a query with every vector, (n, dimensions)."""

    vectors: Array

    def nearest(self, queries: Array, k: int) -> Iterator[Array]:
        """Yield the positions of the k nearest vectors of each query, (queries, dimensions)."""
        for scores in queries @ self.vectors.T:
            yield best_positions(scores, k)


@dataclass(frozen=True)
class ApproximateNeighbours:
    """Compares a query with the candidates from an inverted file."""

    vectors: Array
    inverted_file: Any

    def nearest(self, queries: Array, k: int) -> Iterator[Array]:
        """Yield the positions of about the k nearest vectors of each query, best first."""
        _, candidates = self.inverted_file.search(queries.astype(np.float32), CANDIDATES * k)
        for query, positions in zip(queries, candidates, strict=True):
            kept = np.sort(positions[positions >= 0])
            scores = self.vectors[kept].astype(np.float32) @ query
            yield kept[best_positions(scores, k)]


Neighbours = ExactNeighbours | ApproximateNeighbours


def neighbours(vectors: Array) -> Neighbours:
    """Return a nearest-neighbour search over unit vectors; builds an index if there are many.

    Raises InputError when there are many and faiss is not installed.
    """
    if len(vectors) <= MAX_EXACT:
        return ExactNeighbours(vectors)
    return ApproximateNeighbours(vectors, build_inverted_file(vectors))


def refuse_without_faiss(number: int) -> None:
    """Raise InputError when this number of vectors needs faiss and it is not installed.

    Call it before computing the vectors, which may take hours.
    """
    if number > MAX_EXACT:
        load_faiss()


def build_inverted_file(vectors: Array) -> Any:
    """Return the inverted file of unit vectors, (n, dimensions)."""
    faiss = load_faiss()
    lists = int(LISTS_PER_ROOT * len(vectors) ** 0.5)
    dimensions = vectors.shape[1]
    centres = faiss.IndexFlatIP(dimensions)
    kind, metric = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(centres, dimensions, lists, kind, metric)
    index.cp.seed = SEED
    rng = np.random.default_rng(SEED)
    number = min(len(vectors), TRAINING_VECTORS * lists)
    sample = np.sort(rng.choice(len(vectors), number, replace=False))
    index.train(np.ascontiguousarray(vectors[sample], dtype=np.float32))
    for start in range(0, len(vectors), BATCH):
        index.add(np.ascontiguousarray(vectors[start : start + BATCH], dtype=np.float32))
    index.nprobe = searched_lists(index.nlist)
    return index


def searched_lists(lists: int) -> int:
    """Return how many lists of an inverted file one query searches."""
    return max(1, round(SEARCHED_SHARE * lists))


def write_inverted_file(found: ApproximateNeighbours, path: Path) -> None:
    """Write the inverted file in faiss's own format, which holds no code."""
    load_faiss().write_index(found.inverted_file, str(path))


def read_neighbours(vectors: Array, path: Path) -> Neighbours:
    """Return a nearest-neighbour search over vectors; uses the inverted file if `path` exists.

    Raises InputError when the file's number of vectors or dimensions differs.
    """
    if not path.exists():
        return neighbours(vectors)
    faiss = load_faiss()
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    if (index.ntotal, index.d) != vectors.shape:
        raise InputError(
            f"{path} has {index.ntotal:,} vectors of {index.d} dimensions, but the corpus has "
            f"{len(vectors):,} of {vectors.shape[1]}; delete the folder, and it is built again."
        )
    index.nprobe = searched_lists(index.nlist)
    return ApproximateNeighbours(vectors, index)


def load_faiss() -> Any:
    """Return faiss; raise InputError when it is not installed."""
    try:
        return import_module("faiss")
    except ImportError:
        raise InputError(
            f"a corpus of more than {MAX_EXACT:,} documents needs faiss: run "
            "`pip install 'faiss-cpu>=1.12,<2'`, or search fewer documents."
        ) from None

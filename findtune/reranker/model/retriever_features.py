"""The features of a list's documents that need no cross-encoder.

From the retriever, a sentence encoder that was tuned on picks:

    retriever          the cosine of the query and the document
    doc_similarity     the mean cosine of the document and the other documents of its list,
                       weighted towards those that are similar to the query
    title_similarity   the same for the documents' titles
    title_cosine       the cosine of the query and the title

From the same encoder before it was tuned:

    base_retriever     the cosine of the query and the document

From the list itself:

    bm25               BM25 among the documents of the list
    shown_rank         minus log2 of 1 + the rank at which the document was shown
    engine_score       the engine's own score, standardized within the list
    found_by_query     1 if the question itself found the document, 0 if a rewrite of it did

If a list has no ranks, scores or queries, their features are 0. doc_similarity rests on the
cluster hypothesis (van Rijsbergen 1979), that documents which answer a query resemble each other,
and is used as in score regularization (Diaz, CIKM 2005).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.reranker.model.ranked_lists import document_texts, document_titles
from findtune.retrieval.bm25 import BM25Index
from findtune.retrieval.encoding import encode_texts

TUNED_FEATURES = ("retriever", "doc_similarity", "title_similarity", "title_cosine")
LIST_FEATURES = ("bm25", "shown_rank", "engine_score", "found_by_query")
BASE_FEATURES = ("base_retriever",)
UNTUNED_FEATURES = (*BASE_FEATURES, *LIST_FEATURES)
FEATURES = (*TUNED_FEATURES, *UNTUNED_FEATURES)  # columns, and weights

Array = np.ndarray


def retriever_features(
    retriever: SentenceTransformer | None,
    base: SentenceTransformer | None,
    lists: Sequence[Record],
    temperature: float,
    *,
    progress: bool = False,
) -> list[Array]:
    """Return the features of each list, (documents, features).

    Without a retriever or a base, its features are 0. temperature: of the softmax over query
    similarity; see `similarity_to_others`.
    """
    tuned = tuned_features(retriever, lists, temperature, progress=progress)
    return join_features(tuned, untuned_features(base, lists, progress=progress))


def join_features(tuned: Sequence[Array], untuned: Sequence[Array]) -> list[Array]:
    """Return the columns of each list side by side, as in FEATURES."""
    return [np.hstack(parts).astype(np.float32) for parts in zip(tuned, untuned, strict=True)]


def tuned_features(
    retriever: SentenceTransformer | None,
    lists: Sequence[Record],
    temperature: float,
    *,
    progress: bool = False,
) -> list[Array]:
    """Return the TUNED_FEATURES of each list, (documents, 4); 0 without a retriever."""
    if retriever is None:
        return [np.zeros((len(row["documents"]), len(TUNED_FEATURES))) for row in lists]
    vectors = encode_once(retriever, map(all_texts, lists), progress=progress)
    features = []
    for ranked_list in lists:
        query = vectors[ranked_list["query"]]
        documents = stack(vectors, document_texts(ranked_list))
        titles = stack(vectors, document_titles(ranked_list))
        columns = [
            documents @ query,
            similarity_to_others(documents, query, temperature),
            similarity_to_others(titles, query, temperature),
            titles @ query,
        ]
        features.append(np.stack(columns, axis=1).astype(np.float32))
    return features


def untuned_features(
    base: SentenceTransformer | None, lists: Sequence[Record], *, progress: bool = False
) -> list[Array]:
    """Return the UNTUNED_FEATURES of each list, (documents, 5); the cosine is 0 without a base."""
    if base is not None:
        return features_by_vectors(base_vectors(base, lists, progress=progress), lists)
    return join_features([np.zeros((len(row["documents"]), 1)) for row in lists], by_list(lists))


def base_vectors(
    base: SentenceTransformer, lists: Sequence[Record], *, progress: bool = False
) -> dict[str, Array]:
    """Return the unit vector of each query and document by the untuned retriever."""
    texts = ([ranked_list["query"], *document_texts(ranked_list)] for ranked_list in lists)
    return encode_once(base, texts, progress=progress)


def features_by_vectors(vectors: Mapping[str, Array], lists: Sequence[Record]) -> list[Array]:
    """Return the UNTUNED_FEATURES of each list; vectors: as `base_vectors` returns them."""
    cosines = [
        stack(vectors, document_texts(ranked_list)) @ vectors[ranked_list["query"]]
        for ranked_list in lists
    ]
    return join_features([column[:, None] for column in cosines], by_list(lists))


def by_list(lists: Sequence[Record]) -> list[Array]:
    """Return the LIST_FEATURES of each list, (documents, 4)."""
    return [np.column_stack(list_columns(ranked_list)) for ranked_list in lists]


def list_columns(ranked_list: Record) -> list[Array]:
    """Return the columns of LIST_FEATURES, (documents,) each."""
    query, documents = ranked_list["query"], ranked_list["documents"]
    if not documents:
        return [np.zeros(0)] * len(LIST_FEATURES)
    return [
        BM25Index(document_texts(ranked_list)).scores(query),
        shown_rank(documents),
        engine_score(documents),
        np.array([found_by(query, row.get("query_used")) for row in documents], dtype=float),
    ]


def found_by(query: str, query_used: str | None) -> bool:
    """Return whether a document is known to have been found by the question itself."""
    return normalize(query_used) == normalize(query) if query_used else False


def shown_rank(documents: Sequence[Record]) -> Array:
    """Return minus log2(1 + rank) of each document, (documents,).

    A document without a rank counts as shown after the last one; 0 if no document has a rank.
    """
    ranks = [document.get("rank") for document in documents]
    last = max((rank for rank in ranks if rank), default=0)
    return np.array([-np.log2(1 + (rank or last + 1)) if last else 0.0 for rank in ranks])


def engine_score(documents: Sequence[Record]) -> Array:
    """Return the engine's scores, standardized, (documents,); 0 unless every document has one."""
    scores = [document.get("score") for document in documents]
    if any(score is None for score in scores):
        return np.zeros(len(documents))
    values = np.array(scores, dtype=np.float64)
    if not np.ptp(values):  # the standard deviation of equal values may be a rounding error
        return np.zeros(len(documents))
    standardized: Array = (values - values.mean()) / values.std()
    return standardized


def encode_once(
    encoder: SentenceTransformer, texts: Iterable[Iterable[str]], *, progress: bool
) -> dict[str, Array]:
    """Return the unit vector of each distinct text, which is encoded only once.

    Vectors are fp64: in fp32 the last bits of sums would differ between processors, and training
    amplifies such differences.
    """
    distinct = sorted(set(chain.from_iterable(texts)))
    vectors = encode_texts(encoder, distinct, progress=progress).astype(np.float64)
    return dict(zip(distinct, vectors, strict=True))


def stack(vectors: Mapping[str, Array], texts: Sequence[str]) -> Array:
    """Return the vectors of some texts, (texts, dimensions)."""
    dimensions = len(next(iter(vectors.values())))
    return np.array([vectors[text] for text in texts]).reshape(len(texts), dimensions)


def all_texts(ranked_list: Record) -> list[str]:
    """Return every text of a list that the retriever encodes."""
    return [ranked_list["query"], *document_texts(ranked_list), *document_titles(ranked_list)]


def similarity_to_others(documents: Array, query: Array, temperature: float) -> Array:
    """Return each document's mean cosine with the other documents, (documents,).

    documents: unit vectors, (documents, dimensions); query: a unit vector, (dimensions,). The
    weights of the mean are a softmax over query similarity, cosine / temperature. A single
    document scores 0; without documents the result is empty.
    """
    if not len(documents):
        return np.zeros(0)
    cosines: Array = documents @ query
    closeness = np.exp((cosines - cosines.max()) / temperature)
    weights = closeness * (1 - np.eye(len(cosines)))
    total = np.maximum(weights.sum(axis=1), np.finfo(np.float64).tiny)
    similarity: Array = (documents @ documents.T * weights).sum(axis=1) / total
    return similarity

"""What the retriever knows about the documents of a list, without a cross-encoder.

    retriever          the cosine of the query and the document
    doc_similarity     the mean cosine of the document and the other documents of its list,
                       weighted towards those that are close to the query
    title_similarity   the same for the documents' titles

Documents that answer a query resemble each other: the cluster hypothesis (van Rijsbergen 1979),
used as in score regularization (Diaz, CIKM 2005).
"""

from collections.abc import Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record
from findtune.reranker.model.ranked_lists import document_texts, document_titles

FEATURES = ("retriever", "doc_similarity", "title_similarity")  # columns, and weights
BATCH_SIZE = 128

Array = np.ndarray


def retriever_features(
    retriever: SentenceTransformer,
    lists: Sequence[Record],
    temperature: float,
    *,
    progress: bool = False,
) -> list[Array]:
    """Return the features of each list, (documents, features).

    temperature: of the softmax over query similarity; see `similarity_to_others`. Sums are in
    fp64. In fp32 their last bits would differ between processors, and training amplifies that.
    """
    texts = sorted({text for ranked_list in lists for text in all_texts(ranked_list)})
    rows = {text: row for row, text in enumerate(texts)}
    vectors = retriever.encode(
        texts, batch_size=BATCH_SIZE, normalize_embeddings=True, show_progress_bar=progress
    ).astype(np.float64)
    features = []
    for ranked_list in lists:
        query = vectors[rows[ranked_list["query"]]]
        documents = vectors[[rows[text] for text in document_texts(ranked_list)]]
        titles = vectors[[rows[title] for title in document_titles(ranked_list)]]
        columns = [
            documents @ query,
            similarity_to_others(documents, query, temperature),
            similarity_to_others(titles, query, temperature),
        ]
        features.append(np.stack(columns, axis=1).astype(np.float32))
    return features


def all_texts(ranked_list: Record) -> list[str]:
    """Return every text of a list that the retriever encodes."""
    return [ranked_list["query"], *document_texts(ranked_list), *document_titles(ranked_list)]


def similarity_to_others(documents: Array, query: Array, temperature: float) -> Array:
    """Return each document's mean cosine with the other documents, (documents,).

    documents: unit vectors, (documents, dimensions); query: a unit vector, (dimensions,). The
    weights of the mean are a softmax over query similarity, cosine / temperature. A single
    document scores 0; without documents the result is empty.
    """
    cosines: Array = documents @ query
    if not len(cosines):
        return cosines
    closeness = np.exp((cosines - cosines.max()) / temperature)
    weights = closeness * (1 - np.eye(len(cosines)))
    total = np.maximum(weights.sum(axis=1), np.finfo(np.float64).tiny)
    similarity: Array = (documents @ documents.T * weights).sum(axis=1) / total
    return similarity

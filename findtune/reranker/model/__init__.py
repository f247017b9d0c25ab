"""Using a reranker: a cross-encoder and a retriever whose scores are blended."""

"""The reranker room: (query, source) -> score."""

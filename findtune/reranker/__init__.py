"""The reranker: scores the documents of a list against its query."""

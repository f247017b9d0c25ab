"""The query rewriter: from a question to the search queries that find what answers it."""

"""The query rewriter: turns a question into search queries that find the answer."""

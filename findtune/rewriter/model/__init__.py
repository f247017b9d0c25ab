"""The rewriter: sampling rewrites of a question, and searching with them."""

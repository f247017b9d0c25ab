"""Comparing a tuned reranker with its base and with rankings that need no training."""

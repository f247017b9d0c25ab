"""Comparing a tuned reranker with its base and with rankings that cost no training."""

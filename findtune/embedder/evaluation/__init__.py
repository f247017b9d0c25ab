"""Comparing a tuned embedder with its base model on held-out examples."""

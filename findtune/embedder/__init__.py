"""The embedder: maps texts to vectors whose cosine measures how close they are in meaning."""

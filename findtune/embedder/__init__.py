"""The embedder: texts to vectors whose cosine says how close two texts are in meaning."""

"""Fine-tuning an embedder."""

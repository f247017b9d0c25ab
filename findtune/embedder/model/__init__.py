"""Using an embedder: vectors, similarities, and rankings of variables."""

"""Base models: their entries in params.yaml, how they are fetched, and what is refused."""

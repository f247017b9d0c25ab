"""The embedder's room: text -> vector."""

"""From clean data to the embedder's training, dev and test examples."""

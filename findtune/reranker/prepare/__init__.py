"""From clean ranked lists to the reranker's training, dev and test examples."""

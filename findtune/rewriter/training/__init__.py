"""Fine-tuning a rewriter, and selecting its weights and settings on dev and part of train."""

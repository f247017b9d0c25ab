"""JinaBERT cross-encoders without remote code."""

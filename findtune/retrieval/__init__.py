"""Searching a corpus, fusing rankings, and measuring them."""

"""Measures and model cards as Markdown, for people."""

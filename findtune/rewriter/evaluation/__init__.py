"""Evaluating a rewriter by what its rewrites find."""

"""Deciding whether a difference between two models is real."""

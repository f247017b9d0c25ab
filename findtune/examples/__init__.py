"""Splitting data into train, dev and test without leaks, and previewing the examples."""

"""Training code that all rooms share."""

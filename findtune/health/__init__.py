"""Checks of a machine, a repository and its files, for `make doctor`."""

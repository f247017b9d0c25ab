"""Served searches and the answers of users, in append-only files."""

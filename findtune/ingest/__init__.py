"""Ingest: the users' CSV and JSON files, checked and cleaned, one module per kind of record."""

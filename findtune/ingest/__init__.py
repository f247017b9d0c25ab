"""Ingest: check and clean the users' CSV and JSON files, one module per kind of record."""

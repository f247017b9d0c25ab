"""The verbs of the pipeline: one command a file, `python -m stages.<verb>`."""

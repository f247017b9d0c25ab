"""Int8 copies of embedders and rerankers: made, judged on test, timed, and run in a stack."""

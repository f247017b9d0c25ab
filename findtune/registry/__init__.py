"""Which version of a model is live where, in git tags, and what may become live."""

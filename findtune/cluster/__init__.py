"""Work on several machines of a cluster."""

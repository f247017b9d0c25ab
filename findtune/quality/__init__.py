"""What can be known of the data before a model is trained: no module here loads torch."""

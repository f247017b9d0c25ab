"""What can be known about the data before a model is trained: no module here loads torch."""

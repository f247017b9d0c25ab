"""What the training of every room shares."""

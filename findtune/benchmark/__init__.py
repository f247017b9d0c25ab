"""Speed and memory of this project and of what a user would write by hand, compared."""

"""Speed and memory of this project beside what a user would write by hand, measured in turn."""

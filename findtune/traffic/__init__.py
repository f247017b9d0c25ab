"""What was served and picked: the searches of users, and their answers, in append-only files."""

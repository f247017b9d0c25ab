"""What DVC recorded: dvc.lock, and the md5 of files and folders."""

"""Models and a search over HTTP, in the forms that existing clients speak."""

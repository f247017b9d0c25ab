"""What all HTML pages share: how templates are filled, and pages that need no other file."""

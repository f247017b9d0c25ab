"""Code that all HTML pages share: filling templates, masking, and self-contained pages."""

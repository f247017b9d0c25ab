"""The errors that a user can fix.

FindtuneError
+-- InputError        a file, a row or a parameter is wrong
+-- UnsafeModelError  a model folder must not be loaded
+-- CollapseError     training has collapsed
"""


class FindtuneError(Exception):
    """Base of all errors below; the message says where, what was found, and how to fix it."""


class InputError(FindtuneError):
    """Raised when a file, a row or a parameter is wrong."""


class UnsafeModelError(FindtuneError):
    """Raised when a model folder must not be loaded."""


class CollapseError(FindtuneError):
    """Raised when training has collapsed, for example to non-finite weights."""

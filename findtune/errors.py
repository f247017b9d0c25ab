"""The errors that a user can mend.

FindtuneError
+-- InputError      a file, a row or a parameter is not what it must be
+-- UnsafeModelError  a model folder that must not be loaded
+-- CollapseError   training went wrong in a known way
"""


class FindtuneError(Exception):
    """Say where, what was found, and what would do."""


class InputError(FindtuneError):
    """Raised when a file, a row or a parameter is not what it must be."""


class UnsafeModelError(FindtuneError):
    """Raised when a model folder must not be loaded."""


class CollapseError(FindtuneError):
    """Raised when training went wrong in a known way."""

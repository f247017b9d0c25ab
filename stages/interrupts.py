"""Ctrl+C while a command is still loading prints one word, as click does later, not a traceback.

Loading takes seconds if torch is needed. The packages `stages` and `commands` import this module,
so it is active before anything slow. It changes no byte of what a stage writes.
"""

import sys
from types import TracebackType


def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an uncaught error; for an interrupt, print one word."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("Aborted!\n")
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = show

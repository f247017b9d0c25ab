"""Ctrl+C while a command is still loading: one word, as click prints it later, and no traceback.

Loading takes seconds where torch is needed. The packages `stages` and `commands` import this
module, so it is there before anything that takes long. It changes no byte of what a stage writes.
"""

import sys
from types import TracebackType


def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an error that nothing has caught; of an interrupt, only that there was one."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("Aborted!\n")
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = show

"""How every stage behaves at the command line."""

import ctypes
import os
import signal
import sys

import click

from findtune.errors import FindtuneError

MADE = ("data/", "models/", "metrics/")  # what other stages make, or people put there


class Stage(click.Command):
    """A command that tells a user's mistake in one message, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the stage; turn errors that a user can mend into click's."""
        die_with_parent()
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        try:
            return super().invoke(ctx)
        except FindtuneError as error:
            raise click.ClickException(str(error)) from None
        except FileNotFoundError as error:
            if not str(error.filename).startswith(MADE):
                raise
            told = f"there is no {error.filename}; `make train` makes what comes before this stage."
            raise click.ClickException(told) from None


def die_with_parent() -> None:
    """Ask Linux to end this process when DVC dies, so that no orphan goes on writing.

    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)

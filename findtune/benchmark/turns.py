"""Running contestants in turn, each in a process of its own.

So none inherits the threads, the memory or the warm caches of another, and other load on the
machine affects all of them.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from findtune.benchmark.comparisons import Comparison
from findtune.benchmark.result import Result
from findtune.core.errors import FindtuneError
from findtune.core.files import read_json

Say = Callable[[str], None]
Run = Callable[[str, str], Result]  # of a comparison's name and a contestant
Results = dict[str, list[Result]]  # by contestant, in the order of the runs


class ContestantError(FindtuneError):
    """Raised when the process of a contestant fails."""


def take_turns(name: str, comparison: Comparison, run: Run, say: Say) -> Results:
    """Return what each contestant of a comparison measured, run by run."""
    results: Results = {}
    turns = comparison.turns()
    for number, contestant in enumerate(turns, start=1):
        start = perf_counter()
        result = run(name, contestant)
        results.setdefault(contestant, []).append(result)
        rates = "".join(f", {rate:.4g} {unit}" for unit, rate in result.rates.items())
        seconds = f"{perf_counter() - start:.0f} s"
        say(f"{comparison.title}: {contestant}, run {number} of {len(turns)}, {seconds}{rates}")
    return results


def run_apart(command: Sequence[str], name: str, contestant: str) -> Result:
    """Run one contestant in its own process and return what it measured.

    command: the arguments of Python, to which the comparison, the contestant and the file for the
    result are added. Raises ContestantError with the last line that a failed process printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "result.json")
        arguments = [sys.executable, *command, name, contestant, str(out)]
        ended = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if ended.returncode or not out.exists():
            lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
            raise ContestantError(
                f"{name}: {contestant} ended with {ended.returncode}: {lines[-1].strip()}"
            )
        return Result(**read_json(out))

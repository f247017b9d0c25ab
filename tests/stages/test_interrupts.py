"""Whoever presses Ctrl+C while a command is loading reads one word."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["stages", "commands"])
@pytest.mark.parametrize(
    ("error", "last"), [("KeyboardInterrupt", "Aborted!"), ("ValueError(5)", "ValueError: 5")]
)
def test_only_faults_print_a_traceback(package: str, error: str, last: str) -> None:
    code = f"import {package}\nraise {error}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == last
    assert ("Traceback" in result.stderr) == (error != "KeyboardInterrupt")

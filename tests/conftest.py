"""What all tests share: the fixtures of tests/fixtures, options, and skips without starter data.

The small corpus is in tests/data/small_corpus: 20 variables in two catalogs, scored pairs and pairs
of general English. The models of tests/fixtures are untrained.
"""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Tests are the same where there is a GPU; CUDA_VISIBLE_DEVICES=0 before pytest lets them use it.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

pytest_plugins = [
    f"tests.fixtures.{name}"
    for name in ("browser", "feedback", "growth", "models", "killed_training", "projects")
]

# "same" tries the same examples on every machine. To look for new counterexamples now and then:
# pytest --hypothesis-profile explore
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("same")

# How often tests/test_torture.py tries: `make torture KILLS=20` passes these on.
SIZES = {"kills": 200, "full-disks": 60, "flips": 200, "fuzzed": 100_000}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line say how much test_torture.py tries."""
    for name, size in SIZES.items():
        parser.addoption(f"--{name}", type=int, default=size)


def pytest_collection_finish() -> None:
    """Let no garbage collection search what was imported: each training begins with a full one."""
    gc.collect()
    gc.freeze()


# The starter data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need the starter data when a team has replaced it with its own."""
    present = {
        "needs_starter_catalog": has_starter_catalog(),
        "needs_starter_feedback": has_starter_feedback(),
    }
    skip = pytest.mark.skip(reason="data/ no longer holds the starter data")
    for item in items:
        if any(item.get_closest_marker(name) and not there for name, there in present.items()):
            item.add_marker(skip)


def has_starter_catalog() -> bool:
    """Return whether a starter file exists; one is enough, so a lost file is noticed."""
    names = ("small/labour_income.csv", "small/health.csv", "medium/composed.csv")
    return any(Path("data/autogen_input", name).exists() for name in names)


def has_starter_feedback() -> bool:
    """Return whether a file of feedback mentions a site that only the starter data knows."""
    paths = Path("data/training_data").glob("*_training_data.json")
    return any("/methods.uniworld.example/" in path.read_text("utf-8", "replace") for path in paths)

"""The machine that a benchmark ran on, in one line."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from findtune.health.machine import check_hardware

PACKAGES = ("torch", "transformers", "sentence-transformers")
GB = 1e9


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor, its features, the memory, and the versions that affect the speed."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    memory = f"{psutil.virtual_memory().total / GB:.1f} GB"
    parts = (processor_name(cpuinfo), check_hardware(cpuinfo).text, memory)
    return f"{', '.join(parts)}; Python {platform.python_version()}, {versions}"


def processor_name(cpuinfo: Path) -> str:
    """Return the name of the processor."""
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.exists() else ""
    match = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return " ".join(match[1].split()) if match else platform.machine()


def load_average() -> str:
    """Return the load average of the last minute: processes that run or wait for a processor."""
    return f"{os.getloadavg()[0]:.1f}"
